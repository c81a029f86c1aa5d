"""Hostile JSON at the two calls of a resource server: refused, and nothing has changed."""

from tests.attacks.untouched import fault_of, state_of
from tests.requirements import requirement
from tests.support.stage import Stage

EVALUATION, RELATIONS_API = "/access/v1/evaluation", "/access/v1/relations"

_SUBJECT = '"subject":{"id":"x"}'
_ACTION = '"action":{"name":"docs:read"}'
EVALUATIONS = (
    "", "x", "[]", "null", "1", '"x"', "{", "{}", "{}{}", "\ufeff{}", "[" * 900, '{"a":NaN}',
    '{"subject":{},"subject":{}}', f"{{{_SUBJECT}}}", f"{{{_ACTION}}}",
    f'{{"subject":"x",{_ACTION}}}', f'{{"subject":{{"id":1}},{_ACTION}}}',
    f'{{"subject":{{"id":""}},{_ACTION}}}', f'{{"subject":{{"id":"x","type":"user"}},{_ACTION}}}',
    f'{{"subject":{{"id":"{"x" * 20_000}"}},{_ACTION}}}',
    f'{{{_SUBJECT},"action":{{"name":" "}}}}', f'{{{_SUBJECT},"action":{{"name":"a  b"}}}}',
    f'{{{_SUBJECT},"action":[]}}', f'{{{_SUBJECT},"action":{{"name":["docs:read"]}}}}',
    *(
        f'{{{_SUBJECT},"action":{{"name":"a","properties":{properties}}}}}'
        for properties in ("[]", "null", "0", '{"relation":1}', '{"relation":""}', '{"tool":null}',
                           '{"principal":"root"}', '{"principal":""}', '{"principal":["agent"]}')
    ),
    *(
        f"{{{_SUBJECT},{_ACTION},{rest}}}"
        for rest in ('"resource":null', '"resource":[]', '"resource":{"type":"document"}',
                     '"resource":{"type":"document:x","id":"1"}', '"resource":{"type":"","id":""}',
                     '"resource":{"type":"document","id":7}', '"resources":{}', '"resources":[1]',
                     '"context":[]', '"context":{"request_id":{}}', '"context":{"request_id":"\\u0000"}',
                     '"context":{"request_id":"\\ud800"}',
                     '"resources":[' + ",".join(['{"type":"document","id":"1"}'] * 51) + "]")
    ),
    '{"a":"' + "x" * 70_000 + '"}',
)  # fmt: skip
_TUPLE = '{"user":"user:usr_a","relation":"viewer","object":"document:1"}'
RELATIONS = (
    "{}", '{"writes":[]}', '{"writes":{}}', '{"writes":null}', '{"writes":"x"}', '{"writes":[1]}',
    '{"writes":[{}]}', '{"writes":[{"user":"u"}]}', f'{{"writes":[{_TUPLE}],"x":1}}',
    f'{{"writes":[{_TUPLE[:-1]},"condition":"c"}}]}}', f'{{"writes":[{_TUPLE}],"token":1}}',
    f'{{"writes":[{_TUPLE}],"token":null}}', f'{{"writes":[{_TUPLE}],"labels":[]}}',
    '{"labels":{"document":"x"}}', '{"labels":{"document:1":""}}', '{"labels":{"document:1":1}}',
    f'{{"writes":[{",".join([_TUPLE] * 101)}]}}',
    '{"writes":[{"user":"usr_a","relation":"viewer","object":"document:1"}]}',
    '{"writes":[{"user":"user:*","relation":"viewer","object":"document:1"}]}',
    '{"writes":[{"user":"user:a","relation":"nothing","object":"document:1"}]}',
    '{"writes":[{"user":"user:a b","relation":"viewer","object":"document:1"}]}',
    '{"writes":[{"user":"user:a\\n","relation":"viewer","object":"document:1"}]}',
    '{"writes":[{"user":"user:a","relation":"viewer","object":"document:"}]}',
)  # fmt: skip


@requirement("mandate:input:no-500")
async def test_json_that_is_not_exactly_understood_is_refused(stage: Stage):
    before = await state_of(stage.world)
    faults = {}
    for path, bodies in ((EVALUATION, EVALUATIONS), (RELATIONS_API, RELATIONS)):
        for body in bodies:
            sent = body.encode("utf-8", "surrogatepass")
            for content in (sent, b"\xff" + sent):
                answer = await stage.world.http.post(
                    path, content=content, headers=stage.docs.basic
                )
                if fault := fault_of(answer, "invalid_request"):
                    faults[path, body[:90]] = fault
    assert faults == {}
    foreign = b'{"writes":[{"user":"user:a","relation":"%s","object":"%s:1"}]}'
    for relation, kind in (
        (b"viewer", b"user"),
        (b"consented", b"document"),
        (b"ceiling", b"folder"),
    ):
        answer = await stage.world.http.post(
            RELATIONS_API, content=foreign % (relation, kind), headers=stage.docs.basic
        )
        assert fault_of(answer, "403 access_denied") is None, answer.text
    assert await state_of(stage.world) == before
