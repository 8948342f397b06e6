import subprocess
import sys
from queue import Empty

import pytest
from celery import Celery

from challenge.util.queue import QUEUE, TASK, celery_options, embedded_broker
from leaderboard.queue import Queue


@pytest.fixture
def broker(tmp_path):
    return embedded_broker(tmp_path)


def drain(broker, count, seconds=2.0):
    """What another process would take from the queue."""
    app = Celery("other", set_as_current=False)
    app.conf.update(celery_options(broker))
    found = []
    with app.connection() as connection:
        queue = connection.SimpleQueue(QUEUE)
        for _ in range(count):
            message = queue.get(timeout=seconds)
            found.append(message.headers["task"])
            message.ack()
        queue.close()
    app.close()
    return found


def test_what_one_side_sends_by_name_the_other_side_finds(broker):
    queue = Queue(broker)
    assert all(queue.wake() for _ in range(3))
    queue.close()
    assert drain(broker, 3) == [TASK] * 3


def test_the_broker_is_topped_up_and_not_flooded(broker):
    queue = Queue(broker)
    assert queue.top_up(2)
    assert queue.top_up(3)
    assert queue.top_up(1)
    assert drain(broker, 3) == [TASK] * 3
    with pytest.raises(Empty):
        drain(broker, 1, 0.1)
    # The messages were lost, or taken: as many as are wanted are there again.
    assert queue.top_up(2)
    assert drain(broker, 2) == [TASK] * 2
    queue.close()


def test_a_broker_that_is_down_is_said_and_not_raised(caplog):
    queue = Queue("redis://127.0.0.1:1/0")
    assert queue.wake() is False
    assert "no worker could be woken" in caplog.text
    assert queue.top_up(1) is False
    queue.close()


def test_options_follow_from_the_url_alone():
    assert celery_options("redis://h/0")["broker_transport_options"]["visibility_timeout"] > 3600
    assert celery_options("amqp://h//")["broker_transport_options"] == {}
    assert celery_options("sqla+sqlite:////x/y.sqlite")["broker_transport_options"]["connect_args"]
    with pytest.raises(ValueError, match="redis://"):
        celery_options("localhost")


def imported(module, *names):
    """Which of the names come along with a module."""
    code = f"import {module}, sys; print(sorted({set(names)!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_the_shared_module_imports_nothing_heavy():
    assert imported("challenge.util.queue", "celery", "kombu", "sqlalchemy", "torch", "numba") == "[]"


def test_commands_and_their_help_import_nothing_heavy():
    assert imported("leaderboard.commands", "flask", "sqlalchemy", "click", "numpy") == "[]"
