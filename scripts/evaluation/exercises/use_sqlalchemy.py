"""SQLAlchemy: tables in SQLite, mapped classes, joins, transactions and a rollback."""

import tempfile
from pathlib import Path

from sqlalchemy import ForeignKey, String, create_engine, func, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship


class _Base(DeclarativeBase):
    pass


class Author(_Base):
    """Who writes."""

    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(40))
    books: Mapped[list["Book"]] = relationship(back_populates="author", cascade="all, delete-orphan")


class Book(_Base):
    """What is written."""

    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str] = mapped_column(String(80), index=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


def main():
    """Fill, ask, change, undo."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(f"sqlite:///{Path(folder) / 'books.sqlite3'}")
        _Base.metadata.create_all(engine)
        with Session(engine) as session:
            for number in range(200):
                books = [Book(title=f"book {number} {part}") for part in range(5)]
                session.add(Author(name=f"author {number}", books=books))
            session.commit()
            for number in range(100):
                query = select(Book.title).join(Author).where(Author.name == f"author {number}")
                assert len(session.scalars(query).all()) == 5
            assert session.scalar(select(func.count(Book.id))) == 1000
            session.delete(session.get(Author, 1))
            session.flush()
            assert session.scalar(select(func.count(Book.id))) == 995
            session.rollback()
            assert session.scalar(select(func.count(Book.id))) == 1000
        engine.dispose()


if __name__ == "__main__":
    main()
