from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perpmaker.model.order import Side
from perpmaker.simulation.book import BookSide, Resting

CROWD, MINE = "crowd", "mine"
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["add", "take", "ladder", "remove"]),
        st.integers(min_value=1, max_value=5),
        st.integers(min_value=1, max_value=9),
    ),
    max_size=60,
)


class Model:
    """The slow truth: at each price a list of (who, lots), the oldest first."""

    def __init__(self, sign: int) -> None:
        self.sign = sign
        self.queues: dict[int, list[list[object]]] = {}

    def ladder(self, levels: dict[int, int]) -> None:
        """The crowd leaves from the back and joins at the back."""
        for ticks in {*self.queues, *levels}:
            queue = self.queues.setdefault(ticks, [])
            surplus = sum(lots for who, lots in queue if who == CROWD) - levels.get(ticks, 0)

            for entry in reversed(queue):
                if entry[0] == CROWD and surplus > 0:
                    gone = min(surplus, entry[1])
                    entry[1] -= gone
                    surplus -= gone

            if surplus < 0:
                queue.append([CROWD, -surplus])

            self.prune(ticks)

    def take(self, lots: int) -> list[tuple[int, object, int]]:
        """Take from the best price and the oldest first."""
        taken = []

        while lots and self.queues:
            ticks = max(self.queues, key=lambda price: price * self.sign)
            entry = self.queues[ticks][0]
            traded = min(lots, entry[1])
            taken.append((ticks, entry[0], traded))
            entry[1] -= traded
            lots -= traded
            self.prune(ticks)

        return taken

    def prune(self, ticks: int) -> None:
        """Forget what is empty."""
        self.queues[ticks] = [entry for entry in self.queues[ticks] if entry[1]]

        if not self.queues[ticks]:
            del self.queues[ticks]


def take(book: BookSide, lots: int) -> list[tuple[int, object, int]]:
    """What the exchange does, without accounts."""
    taken = []

    while lots and (ticks := book.best_ticks()) is not None:
        resting, there = book.front(ticks)
        traded = min(lots, there)
        taken.append((ticks, CROWD if resting is None else resting.order_id, traded))
        lots -= traded

        if resting is None:
            book.take_from_crowd(ticks, traded)
        else:
            book.reduce(resting, traded)

    return taken


def merged(taken: list[tuple[int, object, int]]) -> list[tuple[int, object, int]]:
    """Join neighbours of the same owner: how the crowd's lots are cut does not matter."""
    joined: list[tuple[int, object, int]] = []

    for ticks, who, lots in taken:
        if joined and joined[-1][:2] == (ticks, who):
            joined[-1] = (ticks, who, joined[-1][2] + lots)
        else:
            joined.append((ticks, who, lots))

    return joined


@given(side=st.sampled_from(list(Side)), steps=STEPS)
def test_lots_are_taken_by_price_then_time(side: Side, steps: list[tuple[str, int, int]]) -> None:
    """Whatever joins, leaves or takes, the queue gives the same lots as a plain list of everybody in order."""
    book, model = BookSide(side), Model(side.sign)
    mine: list[Resting] = []
    shown: dict[int, int] = {}

    for number, (kind, ticks, lots) in enumerate(steps):
        if kind == "add":
            resting = Resting(order_id=number, account=MINE, ticks=ticks, lots=lots, ahead=0)
            book.add(resting)
            mine.append(resting)
            model.queues.setdefault(ticks, []).append([number, lots])
        elif kind == "take":
            assert merged(take(book, lots)) == merged(model.take(lots))
        elif kind == "ladder":
            levels = {ticks: lots, ticks + 2: lots + 1}
            book.set_crowd(tuple(levels.items()))
            model.ladder(levels)
        elif mine and (resting := mine[number % len(mine)]).lots:
            book.remove(resting)
            resting.lots = 0
            queue = model.queues[resting.ticks]
            queue[:] = [entry for entry in queue if entry[0] != resting.order_id]
            model.prune(resting.ticks)

        shown.update(dict(book.changes()))
        expected = {price: sum(entry[1] for entry in queue) for price, queue in model.queues.items()}
        assert {price: there for price, there in shown.items() if there} == expected
        assert dict(book.levels()) == expected
