"""Why something is refused, as data: a rule with its id, where, what was found, what is right, and a remedy.

Refusals of a bundle are made by `refuse` from the table `RULES`, from which `docs/errors.md` is made as well.
Reasons without a finer rule are rules themselves, under their own name.
"""

from dataclasses import asdict, dataclass, replace
from typing import Any, Final

from challenge.results.verdicts import EXPLANATIONS, EvaluationError, Reason, Refusal
from challenge.util.plain_text import plain_line, plain_text

_PACK: Final = "mbc pack DIR"


@dataclass(frozen=True)
class Rule:
    """A rule that a submission can break.

    Attributes:
        id: its name in texts and in JSON.
        reason: the reason code that breaking it leads to.
        right: what would be right.
        remedy: how to get there: a command or a line of code where there is one.
    """

    id: str
    reason: Reason
    right: str
    remedy: str


def _rules(reason: Reason, *rules: tuple[str, str, str]) -> tuple[Rule, ...]:
    return tuple(Rule(id_, reason, right, remedy) for id_, right, remedy in rules)


_FINE: Final = (
    *_rules(
        Reason.ARCHIVE_UNREADABLE,
        ("archive.nothing-there", "The path of a zip file or of a directory.", "Check the path: ls"),
        ("archive.not-a-zip", "A zip archive, as `mbc pack` makes it.", _PACK),
    ),
    *_rules(
        Reason.ARCHIVE_MEMBER_REFUSED,
        (
            "archive.member",
            "submission.toml, model.py, weights.safetensors, train.toml, README.md, *.py, frames/*.png.",
            _PACK,
        ),
        ("archive.link", "Regular files only.", _PACK),
        ("archive.twice", "Every name once, whatever its case.", _PACK),
        ("archive.encrypted", "No password.", _PACK),
        ("archive.method", "Members that are stored or deflated.", _PACK),
        ("archive.members", "At most 600 members.", _PACK),
    ),
    *_rules(
        Reason.ARCHIVE_TOO_LARGE,
        ("archive.size", "An archive within its limit.", "mbc limits"),
        (
            "archive.member-size",
            "Members within their limits.",
            "mbc limits shows them; store weights in half precision, or fewer frames",
        ),
        (
            "archive.weight-class",
            "Sources and weights within the largest class.",
            'Store weights in half precision: store = "float16" in train.toml, or model.half()',
        ),
    ),
    *_rules(
        Reason.FILE_MISSING,
        ("bundle.file-missing", "The file, under exactly this name.", "mbc new DIR, then mbc train DIR"),
        (
            "bundle.hidden-extension",
            "The file without a second extension, which file managers hide.",
            "mv submission.toml.txt submission.toml",
        ),
        ("bundle.folder", "The directory that holds submission.toml itself.", "Name the folder inside"),
        (
            "bundle.variant",
            "A variant.toml with `of`, a directory beside this one, and `files`, which are there alone.",
            'of = "hash_grid"\nfiles = ["model.py"]',
        ),
    ),
    *_rules(
        Reason.MANIFEST_INVALID,
        ("manifest.size", "At most 16 KiB.", "Shorten the description; long text belongs in README.md"),
        (
            "manifest.encoding",
            "TOML in UTF-8.",
            "Save it as UTF-8: iconv -f UTF-16 -t UTF-8 submission.toml > fixed && mv fixed submission.toml",
        ),
        ("manifest.syntax", 'TOML, such as: name = "My network"', "Mend the line that is named"),
        ("manifest.api", "The line: api = 1", "api = 1"),
        (
            "manifest.field",
            "api, name, author, description; optional license, url, method, paper, builds_on.",
            "Remove or rename the field",
        ),
        ("manifest.text", "A text within its length.", "Write it in quotes, and shorter"),
        ("manifest.missing", "name, author and description, each with something to read.", 'name = "..."'),
        ("manifest.invisible", "Visible characters only.", "Delete the character, or type the text anew"),
        ("manifest.look-alike", "A name that nobody takes for another one.", "Choose another name"),
        ("manifest.address", "An address that starts with http:// or https://.", 'url = "https://..."'),
        ("manifest.builds-on", "The number of an entry, or an address.", "builds_on = 123"),
    ),
    *_rules(
        Reason.WEIGHTS_INVALID,
        ("weights.dtype", "A dtype that torch can hold.", "tensor.to(torch.float32) before saving"),
        (
            "weights.pickle",
            "A state dict, saved as tensors alone.",
            'torch.save(model.state_dict(), "weights.pt")',
        ),
        ("weights.several", "One state dict.", "mbc pack DIR --entry NAME"),
        ("weights.none", "A file with a state dict in it.", 'torch.save(model.state_dict(), "weights.pt")'),
        ("weights.stale", "weights.safetensors, newer than the .pt file.", "Delete the older of the two"),
    ),
    *_rules(
        Reason.WEIGHTS_DO_NOT_FIT,
        ("weights.prefix", "The names of build(2, 1).state_dict(), without the wrapper's prefix.", _PACK),
        (
            "weights.several-models",
            "The tensors of one model.",
            "mbc pack DIR --prefix NAME.",
        ),
        (
            "weights.names",
            "Names and shapes of build(2, 1).state_dict(), all of them and no others.",
            "Compare with: print({k: tuple(v.shape) for k, v in build(2, 1).state_dict().items()})",
        ),
    ),
    *_rules(
        Reason.MODEL_CODE_FAILED,
        (
            "model.import",
            "torch, NumPy, SciPy, scikit-learn, the standard library, and your own *.py beside model.py.",
            "Copy the few lines that you need into a helper module beside model.py",
        ),
        ("model.syntax", "Python.", "python -m py_compile model.py"),
        (
            "model.file",
            "No other files: a sandbox holds the code and the weights alone.",
            "Write small values into model.py, and large ones into the state dict by register_buffer",
        ),
        ("model.network", "No network: everything is in the bundle.", "Put what it loads into the weights"),
        (
            "model.device",
            "No device by name: the judge moves the module, and inputs are where it is.",
            'Write device=x.device, and remove .cuda() and .to("cuda")',
        ),
    ),
    *_rules(
        Reason.BUILD_INVALID,
        ("build.returns", "A torch.nn.Module.", "return model"),
        ("build.arguments", "Two numbers.", "def build(in_features, out_features):"),
        (
            "build.lazy",
            "Lazy layers that forward reaches.",
            "Remove the layer that is never used, or call it in forward",
        ),
    ),
    *_rules(
        Reason.FORWARD_FAILED,
        (
            "forward.fixed-inputs",
            "A model for any number of inputs: the first layer takes in_features.",
            "nn.Linear(in_features, ...)",
        ),
        (
            "forward.arguments",
            "forward(self, x), with x of shape (n, in_features).",
            "The columns are x[:, 0], x[:, 1]",
        ),
        ("forward.dtype", "One dtype.", "x.to(self.weight.dtype), or wants_float64 = True on the module"),
    ),
    *_rules(
        Reason.EXITED,
        (
            "model.exit",
            "Code that returns, and reads no command line.",
            'Put what a script does under if __name__ == "__main__":',
        ),
    ),
    *_rules(
        Reason.OUTPUT_SHAPE,
        ("output.no-column", "One row per point: (n, out_features).", "return y.unsqueeze(1)"),
        (
            "output.rows",
            "One row for each of the n points that were asked, whatever n is.",
            "return y.reshape(len(x), -1)",
        ),
        ("output.columns", "A column for each of out_features.", "nn.Linear(..., out_features)"),
        ("output.no-tensor", "One tensor.", "return y"),
        ("output.tuple", "One tensor.", "return y[0]"),
        ("output.dict", "One tensor.", 'return y["prediction"]'),
        ("output.squeezed", "(n, out_features), also for n = 1.", "return y.reshape(len(x), -1)"),
    ),
    *_rules(
        Reason.OUTPUT_DTYPE,
        ("output.dtype", "float16, bfloat16, float32 or float64.", "return y.float()"),
    ),
    *_rules(
        Reason.INCONSISTENT,
        (
            "answers.random",
            "The same answer whenever a point is asked.",
            "Drop out only in training, F.dropout(x, p, training=self.training), and draw nothing in forward",
        ),
        (
            "answers.outside-weights",
            "Everything that an answer depends on, in the state dict.",
            'self.register_buffer("waves", torch.randn(...)) in place of self.waves = torch.randn(...)',
        ),
        (
            "answers.one-point",
            "An answer that depends on the point alone, for any number of points.",
            "nn.BatchNorm1d(width), as eval() leaves it; no mean, maximum or sorting over the points",
        ),
    ),
)  # fmt: skip

RULES: Final[dict[str, Rule]] = {
    **{
        reason.value: Rule(reason.value, reason, explanation.sentence, explanation.help)
        for reason, explanation in EXPLANATIONS.items()
    },
    **{rule.id: rule for rule in _FINE},
}


def refuse(
    rule_id: str, found: str, *, where: str = "", remedy: str = "", private: str = ""
) -> EvaluationError:
    """The error for a broken rule.

    Args:
        rule_id: a key of `RULES`.
        found: what was found, as a sentence.
        where: file, member or function.
        remedy: a more exact remedy than the rule's.
        private: the submission's own words, as for EvaluationError.
    """
    rule = RULES[rule_id]
    refusal = Refusal(rule_id, where, found, rule.right, remedy or rule.remedy)
    return EvaluationError(rule.reason, found, private, refusal=refusal)


def refusal_of(error: EvaluationError) -> Refusal:
    """The refusal of any error; one without a finer rule falls back on its reason's."""
    if error.refusal is not None:
        return error.refusal
    rule = RULES[error.reason.value]
    return Refusal(rule.id, "", error.detail or rule.right, rule.right, rule.remedy)


def as_json(error: EvaluationError) -> dict[str, Any]:
    """What `--json` prints of an error."""
    refusal = refusal_of(error)
    return {
        "verdict": "failed",
        "reason": error.reason.value,
        "fault": error.fault.value,
        "sentence": error.sentence,
        **asdict(refusal),
    }


def as_text(error: EvaluationError) -> str:
    """The lines that a person reads in a terminal; what they quote of a bundle cannot steer that."""
    refusal = refusal_of(error)
    lines = [f"error: {error.sentence}"]
    if refusal.right and refusal.right not in error.sentence:
        lines.append(f"  right:   {refusal.right}")
    if refusal.remedy:
        lines.append(f"  remedy:  {refusal.remedy}")
    where = f" in {plain_line(refusal.where)}" if refusal.where else ""
    lines.append(f"  rule:    {refusal.rule}{where} (docs/errors.md)")
    return plain_text("\n".join(lines))


def with_frames(error: EvaluationError) -> str:
    """`as_text` below the submission's own words, for a reader whose model it is."""
    said = plain_text(error.private.rstrip())
    return f"{said}\n{as_text(error)}" if error.private else as_text(error)


def with_where(error: EvaluationError, where: str) -> EvaluationError:
    """The same error, at a place that its origin did not know."""
    refusal = replace(refusal_of(error), where=where)
    return EvaluationError(error.reason, error.detail, error.private, refusal=refusal)


def page() -> str:
    """docs/errors.md: every rule, grouped by reason."""
    lines = [
        "# Errors",
        "",
        "Every refusal names a rule. `--json` prints `rule`, `where`, `found`, `right` and `remedy`.",
        "This page is made from the same table: `python -m challenge.results.refusals > docs/errors.md`.",
    ]
    for reason, explanation in EXPLANATIONS.items():
        lines += ["", f"## {reason.value}", "", f"{explanation.sentence} {explanation.help}"]
        fine = [rule for rule in RULES.values() if rule.reason is reason and rule.id != reason.value]
        if fine:
            lines += ["", "| rule | right | remedy |", "|---|---|---|"]
            lines += [f"| `{rule.id}` | {_cell(rule.right)} | {_cell(rule.remedy)} |" for rule in fine]
    return "\n".join([*lines, ""])


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - its output is the page
