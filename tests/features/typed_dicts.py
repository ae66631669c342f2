"""`TypedDict` classes: total and partial keys, inheritance, functions that build and read them."""

import typing


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Movie(typing.TypedDict):
    """A film."""

    title: str
    year: int  #v1
    year: str  #v2


class Rated(Movie, total=False):
    rating: float
    votes: int  #v2


Options = typing.TypedDict("Options", {"in": str, "out": int})  #v1
Options = typing.TypedDict("Options", {"in": str, "out": bytes})  #v2


def describe(movie: Movie) -> str:
    return mark(f"{movie['title']} {movie['year']}")


def build(title):
    return Rated(title=title, year=1999, rating=5.0)  #v1
    return Rated(title=title, year="MCMXCIX", rating=9.0)  #v2


def make():
    return {"movie": Movie(title="m", year=1), "rated": Rated(title="r", year=2), "describe": describe}


def use(held):
    described = [held["describe"](held["movie"]), describe(held["rated"]), describe(build("b")), build("c")]
    return [*described, type(held["movie"]) is dict]


def facts():
    keys = [sorted(kind.__required_keys__ | kind.__optional_keys__) for kind in (Movie, Rated, Options)]
    hints = [{name: hint.__name__ for name, hint in typing.get_type_hints(kind).items()} for kind in (Movie, Rated)]
    return [keys, hints, Rated.__total__, Options.__annotations__["out"].__name__]
