import pytest
from websockets.frames import Opcode
from websockets.server import ServerProtocol

from scripts.bench.hostile import established, frame_of


@pytest.mark.parametrize("length", [2, 125, 126, 4000])
def test_a_message_is_framed_as_servers_read_it(length: int):
    text = b"x" * length
    server = ServerProtocol(state=1)  # open
    server.receive_data(frame_of(text))
    (frame,) = server.events_received()
    assert (frame.opcode, frame.data) == (Opcode.TEXT, text)


def test_only_established_connections_of_the_port_count():
    lines = [
        "  sl  local_address rem_address   st tx_queue rx_queue",
        "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000",
        "   1: 0100007F:1F90 0100007F:C350 01 00000000:00000000",
        "   2: 0100007F:C350 0100007F:1F90 01 00000000:00000000",
        "   3: 0100007F:1F90 0100007F:C351 04 00000000:00000000",
    ]
    assert established(lines, 8080) == 1
