"""The tables of the shop, and all that it does with them through SQLAlchemy's ORM.

Every function opens a session of its own and closes it. Queries take less than a millisecond, so they run in the event
loop: without a pool of threads, memory does not depend on how many of them a load happened to start.
"""

from __future__ import annotations

import fcntl
import tempfile
from pathlib import Path
from typing import Any, Dict, List

from catalogue import PAGE, make_items
from sqlalchemy import Engine, ForeignKey, String, create_engine, delete, event, func, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

SQLITE_CACHE_KIB = 512


class Base(DeclarativeBase):
    """What all tables have in common."""


class Item(Base):
    """Something that is sold."""

    __tablename__ = "items"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    category: Mapped[str] = mapped_column(String(20))
    cents: Mapped[int]
    description: Mapped[str]


class CartLine(Base):
    """An item in a customer's cart."""

    __tablename__ = "cart_lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[int] = mapped_column(index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    count: Mapped[int]


class Order(Base):
    """What a customer ordered; its lines are loaded with it."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[int]
    lines: Mapped[List["OrderLine"]] = relationship()


class OrderLine(Base):
    """An item of an order."""

    __tablename__ = "order_lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("items.id"))
    count: Mapped[int]
    item: Mapped[Item] = relationship()


class Visit(Base):
    """That a page was asked for. Only the leak `sessions` makes visits, and it never stores them."""

    __tablename__ = "visits"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]
    trail: Mapped[str]


def open_database(url: str) -> Engine:
    """Return the engine of a database that has the tables and all items, without any open connection.

    So the engine can be inherited by processes that are forked later. Several processes may call this at once.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
    with Path(tempfile.gettempdir(), "shop.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            if session.get(Item, 1) is None:
                session.execute(insert(Item), list(make_items()))
                session.commit()
    engine.dispose()
    return engine


def _configure_sqlite(connection: Any, _record: object) -> None:
    """Let readers and a writer work side by side, and bound the page cache of a connection."""
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", f"cache_size = -{SQLITE_CACHE_KIB}"):
        connection.execute(f"PRAGMA {pragma}").close()


class Store:
    """What the shop reads and writes."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def check(self) -> None:
        """Raise an exception of SQLAlchemy if the database does not answer."""
        with Session(self._engine) as session:
            session.execute(select(1))

    def item(self, number: int) -> Item | None:
        """Return an item; None if there is none with that number."""
        with Session(self._engine) as session:
            return session.get(Item, number)

    def page(self, number: int) -> List[Item]:
        """Return the items of a page, which are counted from 1; none beyond the last one."""
        with Session(self._engine) as session:
            return list(session.scalars(select(Item).order_by(Item.id).offset((number - 1) * PAGE).limit(PAGE)))

    def add_to_cart(self, customer: int, item: int, count: int) -> None:
        """Put an item into a cart."""
        with Session(self._engine) as session:
            session.add(CartLine(customer=customer, item_id=item, count=count))
            session.commit()

    def order(self, customer: int) -> Order:
        """Make an order of all that is in a cart, which is empty then."""
        with Session(self._engine, expire_on_commit=False) as session:
            cart = session.scalars(select(CartLine).where(CartLine.customer == customer).with_for_update()).all()
            lines = [OrderLine(item_id=line.item_id, count=line.count) for line in cart]
            order = Order(customer=customer, lines=lines)
            session.add(order)
            session.execute(delete(CartLine).where(CartLine.id.in_([line.id for line in cart])))
            session.commit()
            whole = selectinload(Order.lines).selectinload(OrderLine.item)
            return session.scalars(select(Order).where(Order.id == order.id).options(whole)).one()

    def sales(self) -> List[Dict[str, Any]]:
        """Return all items, each with how many of it were ordered."""
        with Session(self._engine) as session:
            counts = select(OrderLine.item_id, func.sum(OrderLine.count)).group_by(OrderLine.item_id)
            ordered = dict(session.execute(counts).tuples().all())
            return [{"item": item, "ordered": ordered.get(item.id, 0)} for item in session.scalars(select(Item))]
