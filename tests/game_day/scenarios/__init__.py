"""The scenarios, by their names."""

from collections.abc import Mapping

from tests.game_day.scenario import Scenario
from tests.game_day.scenarios.logins import CertificateExpired, SecretRotated
from tests.game_day.scenarios.nodes import NodeLost, ZoneCutOff
from tests.game_day.scenarios.partitions import PartitionsDoubled
from tests.game_day.scenarios.storage import BundleGone, DiskFull

SCENARIOS: Mapping[str, type[Scenario]] = {
    scenario.name: scenario
    for scenario in (NodeLost, ZoneCutOff, SecretRotated, CertificateExpired, BundleGone, PartitionsDoubled, DiskFull)
}
