"""What is promised of approvals: a person's fresh yes to one exact call, or to more authority."""

from tests.manifest.entry import entries

_APPROVAL = """
approval:call:needs-yes | Calls | A call that needs a yes waits for one, and the same call is asked about once.
approval:call:once | Calls | A yes lets exactly the call through that was asked about, once, also when two workers race for it.
approval:call:exact | Calls | Another argument, object, tool, scope, agent, client, delegation or person is another question.
approval:call:denied | Calls | A no stands for a while; then it may be asked again.
approval:call:expires | Calls | A question and a yes are over after their time.
approval:call:no-authority | Calls | A yes adds no authority: every other leg is decided first, and decides again when the yes is used.
approval:call:dry | Calls | A batch and a search ask nobody and use nothing up.
approval:call:ends | Calls | A yes is worth nothing once the delegation, the agent, its client or the person has ended.
approval:flood:bounded | Flooding | Few questions of an agent wait for a person at a time.
approval:flood:quiet | Flooding | After some denials an agent has to be quiet before that person for a while.
approval:answer:session | Answers | Only the person answers, in a browser session of their own: no token does (X10).
approval:answer:once | Answers | Of two answers at a time the first counts.
approval:answer:fresh | Answers | A yes to something destructive, or where the server asks for it, needs a fresh sign-in.
approval:answer:foreign | Answers | Another person's question reads as one that does not exist.
approval:page:plain | Pages | What an asker says is shown as its words, and hides no character.
approval:state:bound | Agents | The state of an approval is told to the agent that asked and to nobody else; unknown and foreign answer alike.
approval:more:new-delegation | More authority | A yes to more makes a new delegation that ends with the old one and is used by name alone.
approval:more:bounds | More authority | Nothing above a ceiling, unregistered, or not held by the person is ever given by a yes.
approval:more:picked | More authority | The person gives what they leave switched on of what was asked for, and nothing else.
approval:kit:arguments | Kit | The guard hashes the very arguments that the tool gets.
approval:kit:waits | Kit | A tool that needs a yes says where to give it, and runs after it, once.
"""

APPROVALS = entries("Approvals:", _APPROVAL)
