"""Lists of earlier weeks, made in one pass, are those that the formula of strength gives for their days."""

from __future__ import annotations

import pytest

from fifty.project_macros import read_macros
from tests.models.conftest import Brand

_MODELS = ("int_interaction_days", "int_parameters", "int_run", "int_persons")


@pytest.mark.parametrize("weeks_back", [1, 5, 12])
def test_an_earlier_list_is_what_strength_as_of_its_day_says(built: Brand, weeks_back: int) -> None:
    macros = read_macros(relations={name: f"intermediate.{name}" for name in _MODELS})
    day = f"(run.as_of_date - {7 * weeks_back})"
    expected = built.read(
        f"""
        with events as ({macros.decayed_events(day)}), strengths as ({macros.strength_scores("events")})
        select strengths.person_id, row_number() over (order by strengths.strength desc, strengths.person_id) as list_rank, strengths.strength
        from strengths
        inner join intermediate.int_persons as persons using (person_id)
        cross join intermediate.int_run as run
        where strengths.strength > 0 and persons.p_real >= 0.5 and not persons.has_objected and coalesce(persons.deleted_day > {day}, true)
        order by list_rank
        """
    )
    found = built.read(f"select person_id, list_rank, strength from intermediate.int_list_weeks where weeks_back = {weeks_back} order by list_rank")
    assert [row["person_id"] for row in found] == [row["person_id"] for row in expected]
    assert [row["strength"] for row in found] == pytest.approx([row["strength"] for row in expected], abs=1e-9)
    assert weeks_back == 12 or len(found) > 1
