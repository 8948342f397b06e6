import subprocess
import sys

import pytest
from celery import Celery

from challenge.util.queue import QUEUE, TASK, celery_options, embedded_broker
from leaderboard.queue import Queue


@pytest.fixture
def broker(tmp_path):
    return embedded_broker(tmp_path)


def drain(broker, count):
    """What another process would take from the queue."""
    app = Celery("other", set_as_current=False)
    app.conf.update(celery_options(broker))
    found = []
    with app.connection() as connection:
        queue = connection.SimpleQueue(QUEUE)
        for _ in range(count):
            message = queue.get(timeout=5)
            found.append((message.headers["task"], message.payload[0]))
            message.ack()
        queue.close()
    app.close()
    return found


def test_what_one_side_sends_by_name_the_other_side_finds(broker):
    queue = Queue(broker)
    assert all(queue.send(number) for number in (5, 6, 7))
    queue.close()
    assert drain(broker, 3) == [(TASK, [5]), (TASK, [6]), (TASK, [7])]


def test_a_broker_that_is_down_is_said_and_not_raised(caplog):
    queue = Queue("redis://127.0.0.1:1/0")
    assert queue.send(1) is False
    assert "could not be sent" in caplog.text
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
