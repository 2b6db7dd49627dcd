"""The store that coroutines use."""
