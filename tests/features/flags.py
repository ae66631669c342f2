"""Flags: combination, containment, boundaries and methods."""

import enum


def mark(text):
    return f"v1 {text}"  #v1
    return f"v2 {text}"  #v2


class Permission(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()
    RUN = enum.auto()
    ALL = READ | WRITE | RUN

    def label(self):
        return mark(" ".join(flag.name for flag in Permission if flag in self))

    def without(self, other):
        return self & ~other  #v1
        return self ^ other  #v2


class Bits(enum.IntFlag, boundary=enum.KEEP):
    ONE = 1
    FOUR = 4

    def show(self):
        return mark(int(self))


def make():
    both = Permission.READ | Permission.RUN
    return {"read": Permission.READ, "both": both, "bits": Bits.ONE | Bits.FOUR, "unknown": Bits(9)}


def use(held):
    read, both = held["read"], held["both"]
    shown = [read.label(), both.label(), both.without(Permission.RUN).label(), held["bits"].show(), held["unknown"].show()]
    same = [read is Permission.READ, both == Permission.READ | Permission.RUN, read in both, Permission.WRITE in both]
    return [shown, same, [flag.name for flag in both], int(held["bits"] | 2), Permission.ALL.label(), bool(Permission(0))]


def bound():
    return [Permission.READ.label, (Permission.READ | Permission.RUN).label, Bits.FOUR.show]
