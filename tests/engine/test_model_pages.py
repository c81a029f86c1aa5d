"""A page of models ends by bytes as well, and none is lost between two pages."""

from authz.calls import stores
from authz.calls.scene import Setting, Where
from authz.calls.tuples import Asked

COUNT = 21


def test_pages_of_models_are_bounded_by_bytes(tx, clock, monkeypatch):
    setting = Setting(clock, bytes)
    store = stores.create_store(tx, setting, "models").id
    made = [
        stores.write_model(tx, setting, Where(store), f'{{"number":{n}}}')[0] for n in range(COUNT)
    ]
    for size, most, sizes in ((50, 2**20, [21]), (50, 20, [8, 8, 5]), (10, 2**20, [10, 10, 1])):
        monkeypatch.setattr(stores, "MAX_PAGE_BYTES", most)
        found: list[str] = []
        pages: list[int] = []
        token = ""
        while token or not pages:
            page = stores.list_models(tx, Where(store), Asked(size, token))
            found += [model_id for model_id, _ in page.models]
            pages.append(len(page.models))
            token = page.token
        assert found == sorted(made, reverse=True)
        assert pages == sizes
