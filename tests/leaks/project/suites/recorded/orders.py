"""Orders in a database, by an ORM: SQLAlchemy."""

from __future__ import annotations

from collections.abc import Iterator

from pace import block, paced
from sqlalchemy import LargeBinary, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

KIB = 1024


class Base(DeclarativeBase):
    """What all tables have in common."""


class Order(Base):
    """An order and its document."""

    __tablename__ = "orders"
    id: Mapped[int] = mapped_column(primary_key=True)
    payload: Mapped[bytes] = mapped_column(LargeBinary)


def sessions(kept: bool) -> Iterator[None]:
    """Add an order of 16 KiB a cycle; ``kept`` has all of them in a list, otherwise the database has the last 100."""
    engine = create_engine("sqlite:////tmp/recorded.db")
    Base.metadata.create_all(engine)
    orders = []
    with Session(engine, expire_on_commit=False) as session:
        for number in paced():
            order = Order(id=number, payload=block(16 * KIB))
            session.add(order)
            session.flush()
            if kept:
                orders.append(order)
            else:
                session.query(Order).filter(Order.id < number - 100).delete()
            session.commit()
            yield
