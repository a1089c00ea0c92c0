from fractions import Fraction

from monitor.evidence.packet_ring import PacketRing
from monitor.sources.packets import StreamFormat, StreamPacket, parameter_sets

FORMAT = StreamFormat("h264", 320, 240, Fraction(1, 1000))


def packet(number: int, *, keyframe: bool, size: int = 100, fps: int = 10, late_s: float = 0.0) -> StreamPacket:
    ticks = 1000 * number // fps
    return StreamPacket(bytes(size), ticks, ticks, keyframe, 50 + number / fps + late_s)


def fill(ring: PacketRing, count: int, every: int, size: int = 100) -> None:
    for number in range(count):
        ring.add(packet(number, keyframe=number % every == 0, size=size))


def test_it_reaches_back_to_a_keyframe_before_what_is_wanted():
    ring = PacketRing(3)
    ring.begin(FORMAT)
    fill(ring, 100, every=20)
    kept = ring.since(0)
    assert kept[0].packet.keyframe
    assert [each.number for each in kept] == list(range(60, 100)), "3 s before 9.9 s, from the keyframe before that"
    assert ring.start(50 + 8.5) == 80
    assert ring.start(0) == 60
    assert not ring.is_short


def test_a_keyframe_every_20_seconds_is_kept_until_there_is_another():
    ring = PacketRing(3)
    ring.begin(FORMAT)
    fill(ring, 230, every=200)
    assert ring.since(0)[0].number == 0, "the newer keyframe is not old enough"
    fill(ring, 1, every=1)


def test_it_is_bounded_whatever_the_camera_sends():
    ring = PacketRing(60, most_bytes=5_000)
    ring.begin(FORMAT)
    fill(ring, 300, every=10)
    assert ring.bytes <= 5_000
    assert ring.is_short
    assert ring.since(0)[0].packet.keyframe
    fill(ring, 300, every=1000)  # one group alone is too large: nothing of it could be decoded
    assert ring.bytes <= 5_000
    assert not ring.since(0) or ring.since(0)[0].packet.keyframe


def test_packets_without_a_keyframe_before_them_are_not_kept():
    ring = PacketRing(3)
    ring.begin(FORMAT)
    ring.add(packet(0, keyframe=False))
    assert not ring.since(0)
    ring.add(packet(1, keyframe=True))
    ring.begin(FORMAT)
    ring.add(packet(2, keyframe=False))
    assert len(ring.since(0)) == 1


def test_a_clock_that_is_set_begins_another_scene():
    ring = PacketRing(30)
    ring.begin(FORMAT)
    ring.add(packet(0, keyframe=True))
    ring.add(packet(1, keyframe=False))
    ring.add(packet(3000, keyframe=True, late_s=-299.8))
    scenes = [each.scene for each in ring.since(0)]
    assert scenes[0] == scenes[1] != scenes[2]


def test_parameter_sets_are_found_before_the_first_slice():
    sps, pps, slice_nal = b"\x67\x64\x00", b"\x68\xee", b"\x65\x88\x00\x00\x01\x67\x99"
    data = b"\0\0\0\1\x09\xf0" + b"\0\0\0\1" + sps[:2] + b"\x01" + b"\0\0\1" + pps + b"\0\0\1" + slice_nal
    assert parameter_sets(data, "h264") == (sps[:2] + b"\x01", pps)
    assert parameter_sets(b"", "h264") == ()
    assert parameter_sets(b"\0\0\1\x40\x01\x0c\0\0\1\x26\x01\xaf", "hevc") == (b"\x40\x01\x0c",)
