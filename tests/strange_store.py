"""A stranger's store that speaks S3, for tests: OpenStack Swift, all of it in one process.

``strange_store.py PORT FOLDER SECRET`` serves until it is killed; objects in the folder outlive it.
Swift runs public clouds: what it answers, and what it refuses, is not of our making.  The access
key is `KEY`; requests are checked by signature; former versions are kept where a bucket is told to.
"""

import os
import pwd
import sys
from pathlib import Path

KEY = "ambon:penjaga"
"""Swift names an account and a user of it."""
PARTS = ("account", "container", "object")
PIPELINE = "catch_errors s3api tempauth slo versioned_writes symlink proxy-server"
COMMON = """
[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
user = {user}
swift_dir = {folder}
devices = {folder}/devices
mount_check = false
fallocate_reserve = 0
disable_fallocate = true
log_level = CRITICAL
"""
PROXY = """
[pipeline:main]
pipeline = {pipeline}

[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
allow_account_management = true

[filter:catch_errors]
use = egg:swift#catch_errors

[filter:s3api]
use = egg:swift#s3api
location = us-east-1

[filter:tempauth]
use = egg:swift#tempauth
user_ambon_penjaga = {secret} .admin

[filter:slo]
use = egg:swift#slo

[filter:symlink]
use = egg:swift#symlink

[filter:versioned_writes]
use = egg:swift#versioned_writes
allow_object_versioning = true
"""
BACK = """
[pipeline:main]
pipeline = {part}-server

[app:{part}-server]
use = egg:swift#{part}
"""


def configured(folder: Path, secret: str, ports: dict[str, int]) -> dict[str, Path]:
    """Settings of each part, and who keeps what (rings): one device has all."""
    from swift.common.ring import RingBuilder

    user = pwd.getpwuid(os.geteuid()).pw_name
    (folder / "devices" / "one").mkdir(parents=True, exist_ok=True)
    (folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = ambon\n")
    files: dict[str, Path] = {}
    for part, port in ports.items():
        common = COMMON.format(port=port, user=user, folder=folder)
        if part == "proxy":
            own = PROXY.format(pipeline=PIPELINE, secret=secret)
        else:
            own = BACK.format(part=part)
            ring = RingBuilder(part_power=2, replicas=1, min_part_hours=0)
            ring.add_dev(
                {
                    "id": 0, "region": 1, "zone": 1, "weight": 1.0, "ip": "127.0.0.1",
                    "port": port, "device": "one", "replication_ip": "127.0.0.1",
                    "replication_port": port,
                }
            )  # fmt: skip
            ring.rebalance()
            ring.get_ring().save(str(folder / f"{part}.ring.gz"))
        files[part] = folder / f"{part}-server.conf"
        files[part].write_text(common + own)
    return files


def serve(port: int, folder: Path, secret: str) -> None:
    """For ever."""
    import eventlet
    import eventlet.wsgi
    from swift.common import wsgi

    eventlet.patcher.monkey_patch(all=False, socket=True, select=True, thread=True)
    sockets = {"proxy": eventlet.listen(("127.0.0.1", port), backlog=64)}
    sockets |= {part: eventlet.listen(("127.0.0.1", 0)) for part in PARTS}
    ports = {part: sock.getsockname()[1] for part, sock in sockets.items()}
    files = configured(folder, secret, ports)
    threads = []
    for part in (*PARTS, "proxy"):  # not by `run_server`: each would have a hub of its own
        app, _, _, _ = wsgi.init_request_processor(str(files[part]), f"{part}-server")
        threads.append(
            eventlet.spawn(
                eventlet.wsgi.server,
                sockets[part],
                app,
                wsgi.NullLogger(),
                protocol=wsgi.SwiftHttpProtocol,
                capitalize_response_headers=False,
            )
        )
    for thread in threads:
        thread.wait()


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
