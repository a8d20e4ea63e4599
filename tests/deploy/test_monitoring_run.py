"""Prometheus and Alertmanager, the real ones, with the files as they are shipped."""

import json
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import yaml

from stream.local.ports import free_ports
from tests.deploy.promql import MONITORING
from tests.deploy.servers import ask, prometheus, server
from tests.system.commands import until
from tests.system.lab import Lab
from tests.system.load import small_clips

pytestmark = pytest.mark.ops


@pytest.mark.parametrize(
    "words",
    [
        "promtool check config prometheus.yml",
        "promtool check rules recording.yml alerts.yml",
        "promtool test rules alerts_test.yml",
        "amtool check-config alertmanager.yml",
        "amtool config routes test --config.file=alertmanager.yml --verify.receivers=page severity=critical",
        "amtool config routes test --config.file=alertmanager.yml --verify.receivers=ticket severity=warning",
    ],
)
def test_the_tools_that_come_with_them_are_content(words: str):
    done = subprocess.run(words.split(), cwd=MONITORING, capture_output=True, text=True, timeout=150, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


class Webhook:
    """Takes what Alertmanager sends."""

    def __init__(self) -> None:
        self.alerts: list[tuple[str, dict[str, Any]]] = []
        took = self.alerts

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                took.extend((self.path, alert) for alert in body["alerts"])
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def told(self, path: str, name: str) -> list[dict[str, Any]]:
        """The alerts of a name that fire, sent to a receiver's path."""
        return [
            alert
            for to, alert in list(self.alerts)
            if (to, alert["labels"]["alertname"], alert["status"]) == (path, name, "firing")
        ]


@contextmanager
def webhook() -> Iterator[Webhook]:
    hook = Webhook()
    thread = threading.Thread(target=hook.server.serve_forever, args=(0.1,))
    thread.start()
    try:
        yield hook
    finally:
        hook.server.shutdown()
        hook.server.server_close()
        thread.join()


def changed(name: str, into: Path, change: Callable[[Any], None]) -> Path:
    """A shipped file with what differs on this machine."""
    content = yaml.safe_load((MONITORING / name).read_text())
    change(content)
    (into / name).write_text(yaml.safe_dump(content))
    return into / name


@pytest.mark.timeout(240)
def test_a_worker_that_ends_is_told_of_at_the_webhook(kafka: str, tmp_path: Path):
    clips = small_clips(tmp_path / "clips")
    lab = Lab(kafka, clips, partitions=2)
    lab.send(*(path.as_uri() for path in sorted(clips.iterdir())))
    prometheus_port, alertmanager_port = free_ports("127.0.0.1", 2)
    with webhook() as hook, lab.worker("--allow", clips) as worker:

        def here(config: dict[str, Any]) -> None:
            config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
            config["alerting"]["alertmanagers"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{alertmanager_port}"]
            (job,) = config["scrape_configs"]
            del job["dns_sd_configs"]
            job["static_configs"] = [{"targets": [worker.url.removeprefix("http://")]}]

        def at_once(rules: dict[str, Any]) -> None:
            for rule in rules["groups"][0]["rules"]:
                rule["for"] = "2s"

        def to_us(config: dict[str, Any]) -> None:
            config["route"].update(group_wait="1s", group_interval="1s")
            for receiver in config["receivers"]:
                url = f"http://127.0.0.1:{hook.server.server_port}/{receiver['name']}"
                receiver["webhook_configs"] = [{"url": url}]

        (tmp_path / "recording.yml").write_text((MONITORING / "recording.yml").read_text())
        changed("alerts.yml", tmp_path, at_once)
        config = changed("prometheus.yml", tmp_path, here)
        alertmanager = (
            "prometheus-alertmanager",
            f"--config.file={changed('alertmanager.yml', tmp_path, to_us)}",
            f"--storage.path={tmp_path / 'alerts'}",
            f"--web.listen-address=127.0.0.1:{alertmanager_port}",
            "--cluster.listen-address=",
        )
        with (
            prometheus(config, port=prometheus_port, data=tmp_path / "data") as url,
            server(*alertmanager, log=tmp_path / "a.log"),
        ):
            until(lambda: ask(url, "sum(stall_clips_total) > 5") != [])
            until(lambda: ask(url, "stall:lag_messages:sum == 0") != [])
            assert ask(url, 'ALERTS{alertname="StallTargetDown"}') == []
            worker.process.process.terminate()
            said = {f"{worker.url.removeprefix('http://')} gives no metrics", "No worker gives metrics"}
            until(lambda: {each["annotations"]["summary"] for each in hook.told("/page", "StallTargetDown")} == said)
