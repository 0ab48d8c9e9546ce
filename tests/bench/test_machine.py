from lecun89.bench.configurations import Configuration
from lecun89.bench.machine import Peak, busy, describe, measure_peak


def test_the_roof_is_the_lower_of_two_peaks() -> None:
    peak = Peak(flops=100.0, bytes=10.0)
    assert peak.roof(operations=50, traffic=1) == 100
    assert peak.roof(operations=5, traffic=1) == 50
    found = measure_peak("cpu")
    # Between a microcontroller and a supercomputer.
    assert 1e8 < found.flops < 1e13
    assert 1e8 < found.bytes < 1e13


def test_the_machine_is_described_by_all_that_is_measured() -> None:
    eager = Configuration("one at a time", "cpu", "eager", 1)
    machine = describe([eager.settings("base", "1989", 1)])
    assert {"cpu", "cores", "platform", "torch", "threads", "mhz", "load"} <= machine.keys()
    assert "instruction_set" not in machine


def test_a_busy_machine_is_told() -> None:
    assert busy({"load": 0.4, "cores": 2}) is None
    assert busy({"load": None, "cores": 2}) is None
    assert busy({"load": 1.5, "cores": 2}) == "the machine is busy, with a load of 1.5 on 2 cores"
