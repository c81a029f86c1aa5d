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

MAX_BATCH_TUPLES = 100_000
"""Objects asked for and tuples read by one batch over HTTP before its last read."""

MAX_LISTED = 1_000
"""Objects or users that one page returns at most, as OpenFGA's."""

MAX_CANDIDATES = 50_000
"""Object relations that a listing visits, and about as many tuples that a page of it reads."""

MAX_PAGE_TUPLES = 250_000
"""Tuples that one statement of a page may return, if everybody is named everywhere."""

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

MAX_EXPLAINED_TUPLES = 10_000
"""Tuples after which an explanation reads no further level."""

MAX_EXPLAINED_STEPS = 300
"""Steps that the tree of an explanation draws."""

MAX_EXPLAINED_DEPTH = 110
"""Relations and operators under each other in a tree: it must fit Python's stack, and JSON's."""

MAX_NEAREST_TRIED = 20
"""Tuples that are tried for the one that would allow."""

MAX_NEAREST_TUPLES = 50_000
"""Tuples that these tries read in all before the last of them."""

MAX_REACHING = 100
"""Users that a reverse audit returns at most."""

MAX_REACHING_TRIED = 1_000
"""Users of whom a reverse audit asks."""

MAX_REACHING_READS = 500
"""Relations of objects that a reverse audit reads."""

MAX_REACHING_TUPLES = 100_000
"""Tuples that its checks and proofs read in all before the last of them."""
