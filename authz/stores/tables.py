"""The tables of the relationship store, in a MetaData and an Alembic branch of their own."""

from sqlalchemy import BigInteger, Column, Index, Integer, MetaData, Table, Text, text

metadata = MetaData()

authz_store = Table(
    "authz_store",
    metadata,
    Column("id", Text, primary_key=True),
    # Bumped by every write of tuples or of a model, in the same transaction: an exact cache key.
    Column("revision", BigInteger, nullable=False),
    Column("model_id", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

authz_model = Table(
    "authz_model",
    metadata,
    Column("store", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("body", Text, nullable=False),  # the JSON form of the OpenFGA API
    Column("created_at", BigInteger, nullable=False),
)


authz_tuple = Table(
    "authz_tuple",
    metadata,
    # The store stands second, so that the key and the index by user share no first column:
    # SQLite without statistics guesses that a store holds ten tuples, and would scan it.
    Column("object_type", Text, primary_key=True),
    Column("store", Text, primary_key=True),
    Column("object_id", Text, primary_key=True),
    Column("relation", Text, primary_key=True),
    Column("user_type", Text, primary_key=True),
    Column("user_id", Text, primary_key=True),  # "*": everyone of the type
    Column("user_relation", Text, primary_key=True),  # empty unless the user is a userset
    Column("condition", Text, nullable=False),  # empty without one
    Column("context", Text, nullable=False),  # JSON, empty without one
    Column("inserted_at", BigInteger, nullable=False),
    # The primary key is the table: a check reads it once, not an index and then a row.
    sqlite_with_rowid=False,
)

# An object may have many users and few usersets. SQLite takes the index only if it need not look
# at the row behind it; PostgreSQL could not hold a large context in one, and does not ask for it.
_USERSET_KEY = (
    authz_tuple.c.object_type,
    authz_tuple.c.store,
    authz_tuple.c.object_id,
    authz_tuple.c.relation,
    authz_tuple.c.user_relation,
)
_IS_USERSET = text("user_relation > ''")

Index(
    "authz_tuple_usersets_covering",
    *_USERSET_KEY,
    authz_tuple.c.condition,
    authz_tuple.c.context,
    sqlite_where=_IS_USERSET,
).ddl_if(dialect="sqlite")

Index("authz_tuple_usersets", *_USERSET_KEY, postgresql_where=_IS_USERSET).ddl_if(
    dialect="postgresql"
)

Index(
    "authz_tuple_by_user",
    authz_tuple.c.user_type,
    authz_tuple.c.store,
    authz_tuple.c.user_id,
    authz_tuple.c.user_relation,
    authz_tuple.c.relation,
    authz_tuple.c.object_type,
    authz_tuple.c.object_id,
)

authz_changelog = Table(
    "authz_changelog",
    metadata,
    Column("store", Text, primary_key=True),
    # The revision is taken under the store row's lock, so this order is the order of commits.
    Column("revision", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("deleted", Integer, nullable=False),  # 1: the tuple went, 0: it appeared
    Column("object_type", Text, nullable=False),
    Column("object_id", Text, nullable=False),
    Column("relation", Text, nullable=False),
    Column("user_type", Text, nullable=False),
    Column("user_id", Text, nullable=False),
    Column("user_relation", Text, nullable=False),
    Column("condition", Text, nullable=False),
    Column("context", Text, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

authz_named_store = Table(
    "authz_named_store",
    metadata,
    # A store that is not here cannot be reached through the API: the product's own never is.
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("deleted_at", BigInteger, nullable=True),
)

authz_assertions = Table(
    "authz_assertions",
    metadata,
    Column("store", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("body", Text, nullable=False),  # the API's list of assertions, as JSON
    Column("written_at", BigInteger, nullable=False),
)

authz_remote = Table(
    "authz_remote",
    metadata,
    Column("store", Text, primary_key=True),
    Column("remote", Text, primary_key=True),  # the id of the store at the remote server
    # The last change that is applied there; those behind it wait.
    Column("revision", BigInteger, nullable=False),
    Column("position", Integer, nullable=False),
    # How many additions were refused there; while there is one, no yes from there counts alone.
    Column("refused", BigInteger, nullable=False),
    # A model of ours and the one there that is the same; empty before the first push.
    Column("model_id", Text, nullable=False),
    Column("remote_model_id", Text, nullable=False),
    # Who applies changes at the moment: of several workers one does.
    Column("holder", Text, nullable=False),
    Column("lease_until", BigInteger, nullable=False),
)
