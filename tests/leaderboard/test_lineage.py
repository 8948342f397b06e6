"""What an entry builds on, and names that look like another person's."""
# ruff: noqa: RUF001 - characters that look alike are what is tested

import re
import tomllib

import pytest
from click.testing import CliRunner

from challenge.bundle.reader import read_bundle
from challenge.commands.cli import mbc
from challenge.commands.client import Client

CHILD = "import torch\nfrom torch import nn\n\n\ndef build(i, o):\n    return nn.Linear(i, o, bias=True)\n"


def page(board, number):
    return board.client.get(f"/submissions/{number}").get_data(as_text=True)


def test_the_page_shows_parent_children_and_the_difference_of_the_code(board):
    parent = board.submit("parent").json["id"]
    child = board.submit("child", model=CHILD, builds_on=str(parent), headers=board.stranger).json["id"]
    text = page(board, child)
    assert "Builds on" in text
    assert f"/submissions/{parent}" in text
    assert "+    return nn.Linear(i, o, bias=True)" in text
    assert "Built on by" in page(board, parent)
    assert f"/submissions/{child}" in page(board, parent)
    assert "Lineage" not in page(board, board.submit("alone").json["id"])


def judged(board, name, octaves, seed, **fields):
    answer = board.submit(name, values=1 + seed, **fields).json
    lease, _ = board.claim(answer["evaluation_id"])
    board.tell(answer["evaluation_id"], "report", lease, json=board.report(octaves, seed))
    return answer["id"]


def test_the_paired_gain_over_the_parent_is_shown_octave_by_octave(board):
    parent = judged(board, "parent", 6.0, 1)
    child = judged(board, "child", 8.0, 2, builds_on=str(parent), headers=board.stranger)
    text = page(board, child)
    low, high = re.search(r"paired 95 % interval \+([\d.]+) to \+(\d\.\d+)", text).groups()
    gain = float(re.search(r"([\d.]+) octaves better", text)[1])
    assert 1.5 < float(low) < gain < float(high) < 2.5
    octaves = re.search(r"Gain in skill(.*?)</tr>", text)[1]
    assert octaves.count("<td") >= 10
    assert f"/compare?a={child}&amp;b={parent}" in text
    assert "than its parent" not in page(board, parent)


def test_the_board_shows_one_family_with_its_own_ranks(board):
    first = judged(board, "first", 5.0, 1)
    second = judged(board, "second", 7.0, 2, builds_on=str(first), headers=board.stranger)
    judged(board, "apart", 9.0, 3, headers=board.reference)
    for number in (first, second):
        assert f"family={number}" in page(board, number)
        found = board.get(f"/api/v1/board?entries=all&family={number}").json
        assert [e["name"] for e in found["entries"]] == ["second", "first"]
        assert [e["rank"] for e in found["entries"]] == [[2, 2], [3, 3]]
    text = board.get(f"/?entries=all&family={first}").text
    assert "The family of" in text
    assert re.findall(r'<td class="rank[^>]*>(\d)<small[^>]*>(\d) overall', text) == [("1", "2"), ("2", "3")]
    assert board.client.get("/?family=x").status_code == 422


def test_an_address_is_shown_and_an_unknown_number_is_not(board):
    away = board.submit("one", builds_on="https://example.org/<b>").json["id"]
    text = page(board, away)
    assert 'href="https://example.org/&lt;b&gt;" rel="nofollow noopener ugc"' in text
    assert "Lineage" not in page(board, board.submit("two", builds_on="999").json["id"])


def test_who_builds_on_a_disqualified_entry_is_flagged_for_a_person(board):
    from leaderboard.db import now
    from leaderboard.models import Evaluation

    first = board.submit("first").json
    second = board.submit("second", builds_on=str(first["id"])).json["id"]
    third = board.submit("third", builds_on=str(second)).json["id"]
    assert "was disqualified" not in page(board, third)
    with board.parts.writers.begin() as session:
        evaluation = session.get(Evaluation, first["evaluation_id"])
        evaluation.status = "disqualified"
        evaluation.finished_at = now()
    for number in (second, third):
        assert "was disqualified" in page(board, number)


def test_a_circle_of_entries_ends(board):
    first = board.submit("first", builds_on="2").json["id"]
    second = board.submit("second", builds_on=str(first)).json["id"]
    assert (first, second) == (1, 2)
    assert "Builds on" in page(board, first)


@pytest.mark.parametrize(
    ("field", "taken", "wanted"),
    [("author", "Ada", "Аda"), ("author", "Alice", "AIice"), ("name", "Max0", "MaxO")],
)
def test_a_name_that_looks_like_another_persons_is_refused(board, field, taken, wanted):
    def hand_in(text, entry, headers=None):
        fields = {"name": entry, "author": "Somebody"} | {field: text}
        return board.submit(headers=headers, **fields)

    assert hand_in(taken, "first").status_code == 201
    refused = hand_in(wanted, "second", board.stranger)
    assert refused.status_code == 422
    assert refused.json["code"] == "manifest_invalid"
    assert taken in refused.json["detail"]
    assert "manifest.look-alike" in refused.json["help"]
    # Their own may be varied, and the same name is no look-alike.
    assert hand_in(wanted, "third").status_code == 201
    assert hand_in(taken, "fourth", board.stranger).status_code == 422
    assert hand_in("Ada Lovelace", "fifth", board.stranger).status_code == 201
    assert hand_in("Ada Lovelace", "sixth").status_code == 201


def test_a_refusal_names_its_rule_and_remedy(board):
    answer = board.submit(extra={"evil.so": "x"})
    assert answer.status_code == 422
    assert "rule archive.member" in answer.json["help"]
    assert "mbc pack" in answer.json["help"]


def test_a_submission_starts_from_an_entry_and_says_so(board, tmp_path, monkeypatch):
    number = board.submit("parent", license="MIT", method="plain", readme="# hi").json["id"]

    def fetch(_client, submission_id):
        with board.client.get(f"/api/v1/submissions/{submission_id}/bundle") as answer:
            return answer.data

    monkeypatch.setattr(Client, "bundle", fetch)
    monkeypatch.setenv("MBC_CONFIG", str(tmp_path / "config.toml"))
    done = CliRunner().invoke(mbc, ["new", str(tmp_path / "mine"), "--from", str(number), "--author", "Bob"])
    assert done.exit_code == 0, done.output
    values = tomllib.loads((tmp_path / "mine" / "submission.toml").read_text())
    assert values["builds_on"] == number
    assert (values["name"], values["author"], values["license"]) == ("mine", "Bob", "MIT")
    assert not (tmp_path / "mine" / "weights.safetensors").exists()
    assert read_bundle(tmp_path / "mine", trained=False).manifest.builds_on == str(number)
