"""Inheritance across the module: bases, mixins, class variables, overridden operators, a template method."""


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Animal:
    legs = 4  #v1
    legs = 40  #v2
    kinds = {"animal": mark("animal")}

    def speak(self):
        return [mark(self.sound()), self.legs]

    def sound(self):
        return "..."  #v1
        return "!!!"  #v2


class Loud:
    def sound(self):
        return super().sound().upper() + "!"  #v1
        return super().sound().upper() + "!!"  #v2


class Dog(Animal):
    def sound(self):
        return "woof"  #v1
        return "bark"  #v2

    def __add__(self, other):
        return mark(self.sound() + other.sound())


class LoudDog(Loud, Dog):
    legs = 3


class Puppy(LoudDog):
    def speak(self):
        return [Animal.speak(self), Dog.sound(self), mark("puppy")]


def make():
    return {"animal": Animal(), "dog": Dog(), "loud": LoudDog(), "puppy": Puppy()}


def use(held):
    spoken = [held[name].speak() for name in sorted(held)]
    added = held["dog"] + held["puppy"]
    lineage = [[base.__name__ for base in type(held[name]).__mro__] for name in sorted(held)]
    return [spoken, added, lineage, Animal.kinds, isinstance(held["puppy"], Animal), issubclass(Puppy, Loud)]


def bound():
    return [Animal().speak, Dog().speak, Puppy().speak, Puppy().sound]
