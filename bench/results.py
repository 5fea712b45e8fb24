"""What a run has found, as data that JSON keeps: docs/benchmarks/results.json."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measure import Sample
from bench.rows import ROWS, Row

if TYPE_CHECKING:
    from bench.targets import Verdict


@dataclass(slots=True)
class RowResult:
    """One row's samples by case and round, and why a case has none."""

    key: str
    samples: dict[str, list[Sample | None]] = field(default_factory=dict)
    """By case: one entry for each round, None where the case failed."""
    failures: dict[str, str] = field(default_factory=dict)

    @property
    def row(self) -> Row:
        """What was measured."""
        return next(row for row in ROWS if row.key == self.key)

    def add(self, case: str, sample: Sample | None) -> None:
        """Keep what a case gave in the next round."""
        self.samples.setdefault(case, []).append(sample)

    def median(self, case: str, name: str) -> float | None:
        """The median over the rounds of one of a sample's figures."""
        if case in self.failures:
            return None
        values = [
            value
            for sample in self.samples.get(case, ())
            if sample is not None and (value := getattr(sample, name)) is not None
        ]
        return statistics.median(values) if values else None

    def costs(self, case: str) -> list[float]:
        """A case's cost in each round."""
        if case in self.failures:
            return []
        return [sample.cost for sample in self.samples.get(case, ()) if sample is not None]

    def verdicts(self) -> list[Verdict]:
        """Every target of the row, judged; a case that failed once counts in no round."""
        rounds = max((len(samples) for samples in self.samples.values()), default=0)
        by_round: list[dict[str, float]] = [{} for _ in range(rounds)]
        for case, samples in self.samples.items():
            if case not in self.failures:
                for number, sample in enumerate(samples):
                    if sample is not None:
                        by_round[number][case] = sample.cost
        return [target.judge(by_round) for target in self.row.targets]


@dataclass(slots=True)
class Results:
    """A whole run: where, with what, how it was called, and what each row gave."""

    command: str
    date: str
    machine: dict[str, str]
    versions: dict[str, str]
    rounds: int
    seconds: float
    rows: list[RowResult] = field(default_factory=list)

    def save(self, file: Path) -> None:
        """Write JSON, with the verdicts for readers that do not have the targets."""
        data = asdict(self)
        for kept, result in zip(data["rows"], self.rows, strict=True):
            kept["title"], kept["unit"] = result.row.title, result.row.unit
            kept["targets"] = [
                {
                    "text": verdict.target.text,
                    "bound": verdict.target.bound,
                    "rounds": verdict.rounds,
                    "median": verdict.median,
                    "reached": verdict.reached,
                }
                for verdict in result.verdicts()
            ]
        file.write_text(json.dumps(_rounded(data), indent=1, ensure_ascii=False) + "\n")

    @classmethod
    def load(cls, file: Path) -> Results:
        """Read what `save` wrote; verdicts are judged anew."""
        data = json.loads(file.read_text())
        rows = [
            RowResult(
                kept["key"],
                {
                    case: [None if sample is None else Sample(**sample) for sample in samples]
                    for case, samples in kept["samples"].items()
                },
                kept["failures"],
            )
            for kept in data.pop("rows")
        ]
        return cls(**data, rows=rows)


def _rounded(value: Any) -> Any:
    """Figures to six significant digits: what is beyond is noise."""
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rounded(item) for item in value]
    return value


def machine() -> dict[str, str]:
    """What a reader must know of the machine."""
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.machine(),
    )
    memory_kib = int(Path("/proc/meminfo").read_text().split()[1])
    return {
        "processor": model,
        "cores": str(os.cpu_count()),
        "memory": f"{memory_kib / 1024**2:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "python": f"{platform.python_implementation()} {sys.version.split()[0]}",
    }
