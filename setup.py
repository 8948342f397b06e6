"""What pyproject.toml cannot say: the wheel holds the reference submissions, built from submissions/."""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

LARGEST_WEIGHTS = 4 << 20  # of larger ones the wheel holds the recipe alone
FILES = ("*.py", "*.toml", "README.md", "weights.safetensors")


class BuildWithReferences(build_py):
    """Copies submissions/KIND to challenge/references/KIND in the build."""

    def run(self) -> None:
        """Build the packages, and the references beside them."""
        super().run()
        if self.editable_mode:  # then they are read where they lie
            return
        target = Path(self.build_lib) / "challenge" / "references"
        shutil.rmtree(target, ignore_errors=True)
        for manifest in sorted(Path("submissions").glob("*/submission.toml")):
            folder = target / manifest.parent.name
            folder.mkdir(parents=True)
            for file in sorted(file for pattern in FILES for file in manifest.parent.glob(pattern)):
                if file.stat().st_size <= LARGEST_WEIGHTS:
                    shutil.copyfile(file, folder / file.name)


setup(cmdclass={"build_py": BuildWithReferences})
