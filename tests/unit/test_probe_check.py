"""Which processes are looked at in one round."""

import dataclasses
from types import SimpleNamespace

from pyxhon.probe_check import ProbeCheck
from pyxhon.process_images import Image


def test_every_one_of_very_many_processes_has_its_turn():
    fields = {field.name: None for field in dataclasses.fields(Image) if field.default is dataclasses.MISSING}
    interpreter = SimpleNamespace(sites=SimpleNamespace(sites=()), functions=())
    images = [Image(**{**fields, "number": number, "interpreter": interpreter}) for number in range(600)]
    looked_at = []
    probes = SimpleNamespace(base_of=lambda _pid, number: looked_at.append(number))
    check = ProbeCheck(None, None, probes)

    for _ in range(3):
        check.look(images)

    assert set(looked_at) == set(range(600))
