"""The decisions and hand-overs of `tests/protocol`, unchanged, with OpenFGA as the engine."""

import pytest

# ruff: noqa: F401 - pytest finds these tests here a second time, with the fixtures of this folder
from tests.protocol.test_decision import (
    test_a_delegated_call_leaves_effects_and_cannot_share,
    test_a_resource_server_writes_tuples_of_its_own_types_only,
    test_an_agent_as_itself_needs_a_tool_that_says_so,
    test_an_allowed_call_names_the_user_and_every_agent,
    test_each_leg_alone_decides_with_its_own_reason,
    test_several_objects_must_all_be_allowed,
    test_the_users_right_does_not_reach_beyond_the_consent,
)
from tests.protocol.test_hops import (
    test_a_handover_can_narrow_objects_but_not_widen_them,
    test_a_resource_server_goes_on_only_along_a_consented_edge,
    test_handing_on_makes_a_child_row_and_a_ticket,
    test_revoking_the_parent_kills_the_child_and_its_tokens,
)

pytestmark = pytest.mark.openfga
