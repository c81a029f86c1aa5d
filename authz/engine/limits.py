"""Bounds of the engine: OpenFGA's defaults, and what keeps hostile input cheap."""

MAX_DEPTH = 25
"""Hops (usersets and `from`) of one check; the next one is 2002."""

MAX_STATES = 50_000
"""Object relations that one check may visit; a wider graph is 2002."""

MAX_EVALUATIONS = 100_000
"""Evaluations of states for one question; only a cycle through `but not` can need so many."""

MAX_TUPLES_PER_WRITE = 100
MAX_CHECKS_PER_BATCH = 500
"""Queries of one `check_many`. OpenFGA's HTTP batch allows 50; a page of objects needs more."""

MAX_LISTED = 1_000
"""Objects or users that one page returns at most, as OpenFGA's."""

MAX_CANDIDATES = 50_000
"""Object relations that a listing visits, and tuples of users that a page of it reads."""

MAX_PAGE_TUPLES = 250_000
"""Tuples that one statement of a page returns, even if everybody is named everywhere."""

MAX_FILTERS = 20
"""Kinds of users that one listing asks for; OpenFGA's API allows one."""

MAX_LISTING_STEPS = 300_000
"""Candidates to check times the object relations below, in one page of users."""

MAX_CONTEXT_BYTES = 32 * 1024
"""Context of a tuple's condition, and of a request, as JSON."""

MAX_MODEL_BYTES = 256 * 1024
MAX_TYPES = 100
MAX_NESTING = 40
"""Parentheses, or nested operators in JSON, of one relation."""

MAX_CONDITION_BYTES = 8 * 1024
"""One CEL expression."""
