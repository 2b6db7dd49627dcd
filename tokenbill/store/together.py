"""Together: what several threads record at once is one transaction, which waits for the disk once.

One caller leads: it takes what the others brought, records it all, and hands over to one that came meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Lock
from time import perf_counter

from attrs import define, field

from tokenbill.store.answers import Recorded
from tokenbill.store.recording import Events

__all__ = ["Together"]

MOST = 2000
"""Most events of several calls in one transaction."""


@define(eq=False)
class Call:
    """What one thread records, and what came of it."""

    events: Events
    answer: Recorded | Exception | None = None
    is_leading: bool = False
    woken: Event | None = None
    """What it waits for, if it has to wait."""

    def wake(self) -> None:
        """Let it go on."""
        if self.woken is not None:
            self.woken.set()


@define(eq=False)
class Together:
    """Records for all threads that wait, one transaction after the other."""

    work: Callable[[list[Events]], list[Recorded]]
    lock: Lock = field(factory=Lock)
    waiting: list[Call] = field(factory=list[Call])
    is_led: bool = False
    callers: int = 1
    """How many threads there were when the last transaction ended."""
    lasted: float = 0.0
    """Seconds of the last transaction."""
    all_there: Event = field(factory=Event)

    def record(self, events: Events) -> Recorded:
        """Record events, together with those of threads that came while another transaction ran."""
        call = Call(events)
        with self.lock:
            self.waiting.append(call)
            call.is_leading, self.is_led = not self.is_led, True
            if not call.is_leading:  # one caller alone waits for nobody: making an Event takes a while
                call.woken = Event()
                if len(self.waiting) >= self.callers:
                    self.all_there.set()
        try:
            if call.woken is not None:
                call.woken.wait()
            if call.answer is None:
                self.lead(call)
        except BaseException:  # interrupted: whoever waits must not wait for this thread
            with self.lock:
                if call in self.waiting:
                    self.waiting.remove(call)
                if call.is_leading:
                    self.hand_over()
            raise
        if isinstance(call.answer, Recorded):
            return call.answer
        assert call.answer is not None  # whoever took a call has answered it
        raise call.answer

    def lead(self, call: Call) -> None:
        """Record what waits, a call of one's own among it, and let the next caller lead."""
        # Those that were just answered come back at once. Without waiting for them a transaction holds what
        # half of the callers brought; a quarter of its time is less than the wait for the disk that is saved.
        if self.callers > len(self.waiting):
            self.all_there.wait(self.lasted / 4)
        with self.lock:
            taken = self.taken(call)
        began = perf_counter()
        try:
            self.work_on(taken)
        finally:
            with self.lock:
                self.callers, self.lasted = len(taken) + len(self.waiting), perf_counter() - began
                # Interrupted, it has answered nobody: what others brought is recorded by the next one.
                self.waiting[:0] = [each for each in taken if each.answer is None and each is not call]
                call.is_leading = False
                self.hand_over()
            for each in taken:
                if each.answer is not None:
                    each.wake()

    def hand_over(self) -> None:
        """Let the first of those that wait lead; the lock is held."""
        if self.all_there.is_set():
            self.all_there.clear()
        self.is_led = bool(self.waiting)
        if self.waiting:
            self.waiting[0].is_leading = True
            self.waiting[0].wake()

    def taken(self, call: Call) -> list[Call]:
        """A call, and as many of those that wait as fit beside it."""
        taken, count = [call], len(call.events)
        self.waiting.remove(call)
        while self.waiting and count + len(self.waiting[0].events) <= MOST:
            taken.append(self.waiting.pop(0))
            count += len(taken[-1].events)
        return taken

    def work_on(self, calls: list[Call]) -> None:
        """Record the events of several calls, and answer each with what became of its own."""
        try:
            answers = self.work([call.events for call in calls])
        except Exception as error:
            if len(calls) == 1:
                calls[0].answer = error
                return
            for call in calls:  # what was wrong with one is no matter of the others
                self.work_on([call])
            return
        for call, answer in zip(calls, answers, strict=True):
            call.answer = answer
