"""An ORM over SQLite: import orders, then load and settle them through a session."""

from __future__ import annotations

import tempfile
from itertools import islice
from pathlib import Path
from typing import Dict, List

from orders import make_orders
from sqlalchemy import ForeignKey, create_engine, func, insert, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship, selectinload

BATCH = 500


class Base(DeclarativeBase):
    """What all tables have in common."""


class Order(Base):
    """An order; its lines are loaded with it."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer: Mapped[str]
    city: Mapped[str]
    paid: Mapped[bool]
    note: Mapped[str]
    lines: Mapped[List["Line"]] = relationship(back_populates="order")


class Line(Base):
    """A line of an order."""

    __tablename__ = "lines"
    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"), index=True)
    sku: Mapped[str]
    quantity: Mapped[int]
    cents: Mapped[int]
    order: Mapped[Order] = relationship(back_populates="lines")


def _import(session: Session, orders: int) -> None:
    """Insert ``orders`` orders and their lines in bulk, as an import does."""
    source = make_orders(orders, seed=41)
    while batch := list(islice(source, BATCH)):
        session.execute(
            insert(Order),
            [
                {
                    "id": order["number"],
                    "customer": order["customer"]["name"],
                    "city": order["customer"]["city"],
                    "paid": order["paid"],
                    "note": order["note"],
                }
                for order in batch
            ],
        )
        session.execute(
            insert(Line),
            [
                {"order_id": order["number"], "sku": line["sku"], "quantity": line["quantity"], "cents": line["cents"]}
                for order in batch
                for line in order["lines"]
            ],
        )
        session.commit()


def settle(orders: int, keep_all: bool = False) -> Dict[str, float]:
    """Import orders, load them in batches of 500 and settle what is unpaid; with ``keep_all`` load them all at once."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder, 'shop.sqlite')}")
        Base.metadata.create_all(engine)
        with Session(engine) as session:
            _import(session, orders)
            statement = select(Order).order_by(Order.id).options(selectinload(Order.lines))
            options = {} if keep_all else {"yield_per": BATCH}
            most_held = settled = cents = 0
            for batch in session.scalars(statement, execution_options=options).partitions():
                for order in batch:
                    if not order.paid:
                        order.paid = True
                        settled += 1
                        cents += sum(line.quantity * line.cents for line in order.lines)
                session.flush()
                most_held = max(most_held, len(session.identity_map))
            session.commit()
            unpaid = session.scalar(select(func.count()).where(Order.paid.is_(False)))
            lines = session.scalar(select(func.count()).select_from(Line))
        engine.dispose()
    return {
        "orders": orders,
        "lines": lines,
        "settled": settled,
        "unpaid": unpaid,
        "cents": cents,
        "objects_held": most_held,
    }
