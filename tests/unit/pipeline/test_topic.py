"""One publication, any number of subscribers."""

import pytest

from monitor.pipeline.channel import Closed
from monitor.pipeline.topic import Topic


def test_every_subscriber_gets_every_value_in_the_order_of_subscription() -> None:
    topic, taken = Topic[int](), list[tuple[str, int]]()
    topic.publish(0)
    topic.subscribe(lambda value: taken.append(("first", value)))
    topic.subscribe(lambda value: taken.append(("second", value)))
    topic.publish(1)
    assert taken == [("first", 1), ("second", 1)]


def test_who_has_unsubscribed_gets_no_more() -> None:
    topic, taken = Topic[int](), list[int]()
    unsubscribe = topic.subscribe(taken.append)
    topic.subscribe(lambda _: None)
    topic.publish(1)
    unsubscribe()
    unsubscribe()
    topic.publish(2)
    assert taken == [1]


def test_what_a_subscriber_raises_reaches_the_publisher() -> None:
    topic = Topic[int]()

    def closed(_: int) -> None:
        raise Closed

    topic.subscribe(closed)
    with pytest.raises(Closed):
        topic.publish(1)
