import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from challenge.commands.cli import COMMANDS, mbc


def python(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )


def test_help_loads_nothing_heavy():
    code = (
        "import sys, json\nfrom challenge.commands.cli import mbc\n"
        "try: mbc(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numba', 'numpy', 'rich', 'httpx', 'matplotlib', 'sklearn', 'flask', 'celery'}\n"
        "print(json.dumps(sorted(heavy & set(sys.modules))))"
    )
    assert json.loads(python(code).stdout.splitlines()[-1]) == []


@pytest.mark.parametrize("name", ["new", "sample", "train", "pack", "render"])
def test_every_command_has_an_example_and_the_line_that_the_list_shows(name):
    result = CliRunner().invoke(mbc, [name, "--help"])
    assert result.exit_code == 0
    assert f"mbc {name}" in result.output.partition("Example")[2]
    assert COMMANDS[name][1] in CliRunner().invoke(mbc, ["--help"], terminal_width=200).output


@pytest.mark.parametrize("name", ["train", "sample", "render", "new", "pack"])
def test_a_commands_help_does_not_load_torch_or_numba(name):
    code = (
        "import sys\nfrom challenge.commands.cli import mbc\n"
        f"try: mbc(['{name}', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'torch', 'numba', 'matplotlib'} & set(sys.modules), sorted(sys.modules)"
    )
    python(code)


def test_an_unknown_command_is_a_usage_error():
    result = CliRunner().invoke(mbc, ["trian"])
    assert result.exit_code == 2
    assert "trian" in result.output


@pytest.mark.parametrize(("typed", "meant"), [("scroe", "score"), ("sumbit", "submit"), ("chekc", "check")])
def test_a_misspelt_command_comes_with_the_one_that_was_meant(typed, meant):
    result = CliRunner().invoke(mbc, [typed])
    assert result.exit_code == 2
    assert meant in result.output


def test_ctrl_c_has_an_exit_code_of_its_own():
    code = (
        "import signal, sys, threading, os\nfrom challenge.commands import cli\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "def stop(*_, **__): os.kill(os.getpid(), signal.SIGINT); import time; time.sleep(5)\n"
        "cli.mbc.get_command(None, 'new').callback = stop\nsys.argv = ['mbc', 'new', 'x']\n"
        "sys.exit(cli.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 130, done.stderr
    assert done.stderr.strip() == "Interrupted."


@pytest.mark.parametrize(("arguments", "code"), [(["--help"], 0), (["new"], 2), (["cancel", "x"], 2)])
def test_the_exit_code_reaches_the_shell(arguments, code):
    done = subprocess.run(
        [sys.executable, "-m", "challenge.commands.cli", *arguments],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == code
    assert "Traceback" not in done.stderr


def test_a_terminal_without_every_character_is_no_reason_to_fail():
    code = (
        "import click, sys\nfrom challenge.commands import cli\n"
        "cli.mbc.get_command(None, 'new').callback = lambda **_: click.echo('\\u2588 m\\xb2')\n"
        "sys.argv = ['mbc', 'new', 'x']\nsys.exit(cli.main())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False, timeout=60,
        env={"PYTHONIOENCODING": "cp1252", "PATH": "", "PYTHONPATH": ":".join(sys.path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == b"? m\xb2\n"
