import pytest

from tests.vectors.payload_shapes import shape_of_api


@pytest.mark.parametrize(
    ("provider", "api", "shape"),
    [
        ("openai", "chat.completions", "openai.chat"),
        ("openai", "images.generate", "openai.images"),
        ("aws", "openai-responses on bedrock", "openai.responses"),
        ("google", "generateContent (streamed)", "gemini.generate"),
        ("google", "vertex OpenAI-compatible chat", "vertex.openai"),
        ("aws", "anthropic messages on bedrock", "anthropic.messages"),
        ("cohere", "v2 embed", "cohere.embed"),
        ("xai", "responses", "xai.responses"),
        ("mistral", "conversations", "mistral.conversations"),
        ("groq", "chat.completions", "groq.chat"),
        ("nobody", "chat.completions", "openai.chat"),
    ],
)
def test_an_api_has_the_shape_of_its_provider_or_of_whoever_wrote_its_notation(provider, api, shape):
    assert shape_of_api(provider, api) == shape
