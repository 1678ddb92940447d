"""Commits that happen while their replies are lost: nobody can know, and still nothing is done twice or left out."""

from __future__ import annotations

from contextlib import closing

import pytest

from tests.faults.breaking import Relay, named
from tests.faults.conftest import Estates
from tests.faults.episode import Episode


@pytest.mark.database
@pytest.mark.parametrize("lose_every", [41, 97])
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_commits_whose_replies_are_lost(estates: Estates, kind: str, lose_every: int) -> None:
    """Claims, plans, renewals, batches and ends alike: every so many commits one gets no answer."""
    estate = estates(kind)
    with closing(Relay(named(estate.place.url, "a"), lose_every)) as relay, Episode(estate) as episode:
        worker = episode.worker("a", url=relay.url)
        episode.until_all_ended(worker)
        assert relay.lost > 2
        episode.account(worker)
