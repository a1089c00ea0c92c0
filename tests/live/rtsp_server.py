"""A real RTSP server for tests (GStreamer's), run with the system's Python: rtsp_server.py PORT [--option VALUE].

Serves H.264 at /cam; prints "ready" when it listens. It imports nothing of the project.
"""

import argparse

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtsp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import Gio, GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("port")
    parser.add_argument("--file", help="an MP4 file with H.264, sent as it is; a moving test picture where not given")
    parser.add_argument("--size", default="320x240")
    parser.add_argument("--fps", type=int, default=15)
    parser.add_argument("--pattern", default="ball")
    parser.add_argument("--keyframe-every", type=int, help="frames from keyframe to keyframe; a second's by default")
    parser.add_argument("--user")
    parser.add_argument("--password")
    parser.add_argument("--error-rate", type=float, default=0.0, help="share of the packets with a byte changed")
    parser.add_argument("--stop-after", type=int, help="end the picture after so many, while a sound goes on")
    parser.add_argument("--udp-only", action="store_true")
    parser.add_argument("--second", help="the size of a second video track")
    parser.add_argument("--certificate", help="a file with a certificate and its key: RTSP over TLS")
    given = parser.parse_args()
    Gst.init(None)
    width, height = given.size.split("x")
    if given.file:
        source = f'filesrc location="{given.file}" ! qtdemux ! h264parse config-interval=-1'
    else:
        distance = given.keyframe_every or given.fps
        source = (
            f"videotestsrc is-live=true num-buffers={given.stop_after or -1} pattern={given.pattern} ! "
            f"video/x-raw,width={width},height={height},framerate={given.fps}/1 ! "
            f"x264enc tune=zerolatency speed-preset=ultrafast key-int-max={distance} ! h264parse config-interval=-1"
        )
    if given.error_rate:
        source += f" ! errorignore ! identity error-after=-1 ! breakmydata probability={given.error_rate} skip=4000"
    factory = GstRtspServer.RTSPMediaFactory()
    sound = " audiotestsrc is-live=true volume=0 ! alawenc ! rtppcmapay name=pay1 pt=8" if given.stop_after else ""
    second = ""
    if given.second:
        across, down = given.second.split("x")
        second = (
            f" videotestsrc is-live=true ! video/x-raw,width={across},height={down},framerate={given.fps}/1 ! "
            f"x264enc tune=zerolatency speed-preset=ultrafast key-int-max={given.fps} ! rtph264pay name=pay1 pt=97"
        )
    factory.set_launch(f"( {source} ! rtph264pay name=pay0 pt=96{sound}{second} )")
    if given.udp_only:
        factory.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
    factory.set_shared(not given.file)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(given.port)
    if given.certificate:
        auth = GstRtspServer.RTSPAuth()
        auth.set_tls_certificate(Gio.TlsCertificate.new_from_file(given.certificate))
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.set_default_token(token)
        server.set_auth(auth)
    if given.user:
        auth = GstRtspServer.RTSPAuth()
        token = GstRtspServer.RTSPToken()
        token.set_string("media.factory.role", "viewer")
        auth.add_digest(given.user, given.password, token)
        auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
        server.set_auth(auth)
    if given.user or given.certificate:
        permissions = GstRtspServer.RTSPPermissions()
        permissions.add_permission_for_role("viewer", "media.factory.access", True)
        permissions.add_permission_for_role("viewer", "media.factory.construct", True)
        factory.set_permissions(permissions)
    server.get_mount_points().add_factory("/cam", factory)
    if server.attach(None) == 0:
        raise SystemExit(f"port {given.port} is taken")
    print("ready", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    main()
