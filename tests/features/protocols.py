"""Protocols: runtime-checkable ones, data members, explicit and structural implementations."""

import typing


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


@typing.runtime_checkable
class Speaker(typing.Protocol):
    def speak(self) -> str: ...
#v2
    def listen(self) -> str: ...  #v2


@typing.runtime_checkable
class Named(typing.Protocol):
    name: str

    def greet(self):
        return mark(f"hello {self.name}")


class Dog:
    def speak(self):
        return mark("woof")


class Person(Named):
    def __init__(self, name):
        self.name = name

    def speak(self):
        return [mark("hi"), self.greet()]

    def listen(self):
        return mark("listening")


def everyone(*speakers: Speaker):
    return [speaker.speak() for speaker in speakers if isinstance(speaker, Speaker)]


def make():
    return {"dog": Dog(), "person": Person("p")}


def use(held):
    dog, person = held["dog"], held["person"]
    return [[speaker.speak() for speaker in (dog, person)], person.greet(), isinstance(person, Named)]


def facts():
    dog, person = Dog(), Person("p")
    checks = [isinstance(dog, Speaker), isinstance(person, Speaker), isinstance(3, Speaker), isinstance(person, Named)]
    return [everyone(dog, person, 3), checks, issubclass(Dog, Speaker), isinstance(dog, Named)]


def bound():
    return [Dog().speak, Person("p").speak, Person("p").greet]
