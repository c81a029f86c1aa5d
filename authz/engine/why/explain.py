"""Why is the answer yes or no? What a check decides, with the tuples that carry it."""

from authz.engine.check import check
from authz.engine.query import Query, ask
from authz.engine.why.drawing import Drawing
from authz.engine.why.evidence import Evidence
from authz.engine.why.explained import Explanation
from authz.engine.why.nearest import nearest
from authz.errors import CheckError
from authz.model.compiled import Model
from authz.stores.protocol import TupleReader


def explain(model: Model, store: TupleReader, query: Query) -> Explanation:
    """Explain one query. The verdict is that of `check`, by asking it.

    Raises CheckError for a question that does not fit the model; an error on the way to the
    answer is part of the explanation, and a denial.
    """
    question = ask(model, query)
    error: CheckError | None = None
    try:
        allowed = check(model, store, query)
    except CheckError as refused:
        allowed, error = False, refused
    evidence = Evidence(model, store, question)
    drawing = Drawing(evidence)
    tree = drawing.tree()
    near = None if allowed else nearest(evidence, store, query)
    whole = tree.holds is allowed and not drawing.cut
    cut = not whole if allowed else drawing.cut or evidence.short
    return Explanation(query, allowed, error, tree, near, cut)
