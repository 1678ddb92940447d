"""What a policy demands of new wrapped keys: how many nested layers, under which algorithms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pqcore.errors import UsageError
from pqcore.formats.wrapped_key import MAX_LAYERS


@dataclass(frozen=True, slots=True)
class LayerRules:
    """Bounds of one policy; without a policy everything this build can write is allowed.

    Attributes:
        policy: its name, for the sentence.
        min_layers: least number of nested layers.
        max_layers: greatest number.
        algorithms: labels that a layer may have; None: any.
    """

    policy: str = ""
    min_layers: int = 1
    max_layers: int = MAX_LAYERS
    algorithms: frozenset[str] | None = None

    def check(self, labels: Sequence[str]) -> None:
        """Raises UsageError where a job's layers, given by the labels of their suites, break the policy."""
        if not self.min_layers <= len(labels) <= self.max_layers:
            wanted = f"{self.min_layers} layer{'s' * (self.min_layers > 1)}"
            if self.max_layers > self.min_layers:
                wanted = f"{self.min_layers} to {self.max_layers} layers"
            raise UsageError(
                f"The policy {self.policy} asks for {wanted}, the job has {len(labels)}",
                "Name a key for each layer: options.new_key, layer2_key, layer3_key",
            )
        for label in labels:
            if self.algorithms is not None and label not in self.algorithms:
                raise UsageError(
                    f"The policy {self.policy} does not allow {label}",
                    f"Use keys of {' or '.join(sorted(self.algorithms))}",
                )

    @property
    def document(self) -> dict[str, Any]:
        """As JSON, to be kept with a job that has started."""
        names = None if self.algorithms is None else sorted(self.algorithms)
        return {
            "policy": self.policy, "min_layers": self.min_layers, "max_layers": self.max_layers, "algorithms": names,
        }  # fmt: skip

    @classmethod
    def of(cls, document: Mapping[str, Any] | None) -> LayerRules:
        """The rules that ``document`` gave; those of no policy where there is none."""
        if document is None:
            return NO_POLICY
        names = document["algorithms"]
        allowed = None if names is None else frozenset(names)
        return cls(document["policy"], document["min_layers"], document["max_layers"], allowed)


NO_POLICY = LayerRules()
