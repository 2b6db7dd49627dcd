"""Together: what several threads record at once is one transaction, which waits for the disk once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock

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
    answer: Recorded | BaseException | None = None


@define(eq=False)
class Together:
    """Records for all threads that wait, one transaction after the other."""

    work: Callable[[list[Events]], list[Recorded]]
    waiting: list[Call] = field(factory=list[Call])
    turn: Lock = field(factory=Lock)

    def record(self, events: Events) -> Recorded:
        """Record events, together with those of threads that came while another transaction ran."""
        call = Call(events)
        self.waiting.append(call)
        with self.turn:
            if call.answer is None:
                self._work(self._taken(call))
        if isinstance(call.answer, Recorded):
            return call.answer
        assert call.answer is not None  # whoever took a call has answered it
        raise call.answer

    def _taken(self, call: Call) -> list[Call]:
        """A call, and as many of those that wait as fit beside it."""
        taken, count = [call], len(call.events)
        self.waiting.remove(call)
        while self.waiting and count + len(self.waiting[0].events) <= MOST:
            taken.append(self.waiting.pop(0))
            count += len(taken[-1].events)
        return taken

    def _work(self, calls: list[Call]) -> None:
        """Record the events of several calls, and tell each what became of its own."""
        try:
            answers = self.work([call.events for call in calls])
        except BaseException as error:
            if len(calls) == 1:
                calls[0].answer = error
                return
            for call in calls:  # what was wrong with one is no matter of the others
                self._work([call])
            return
        for call, answer in zip(calls, answers, strict=True):
            call.answer = answer
