"""The plan of a run, from the configuration that its first row has, and the one with other values laid over it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from perpmaker.config.recorded import CONFIGURATION, FILE, read_recorded
from perpmaker.errors import JournalError
from perpmaker.launch.configured_plan import plan_of
from perpmaker.launch.plan import Plan
from perpmaker.plugins.catalog import Catalog


@attrs.frozen
class RecordedPlans:
    """Reads configurations with the plugins of a catalog. `overrides` are `key=value`, laid over them."""

    catalog: Catalog
    overrides: Sequence[str] = ()

    def own(self, about: Mapping[str, Any]) -> Plan:
        """Return the plan that the run had. ConfigurationError where it cannot be made any more."""
        return self._plan(about, ())

    def changed(self, about: Mapping[str, Any]) -> Plan | None:
        """Return the plan with other values. None where none are given."""
        return self._plan(about, self.overrides) if self.overrides else None

    def _plan(self, about: Mapping[str, Any], overrides: Sequence[str]) -> Plan:
        text, file = about.get(CONFIGURATION), about.get(FILE)

        if not isinstance(text, str) or not isinstance(file, str):
            raise JournalError("the journal has no configuration of it")

        return plan_of(read_recorded(text, file, self.catalog, overrides))
