"""Paths of this service as its clients see them: behind whatever prefix a proxy has put."""

from urllib.parse import quote, urlencode


class Links:
    """Makes paths under a root such as ``/migperf``; the root is empty when the service has a host of its own."""

    def __init__(self, root: str) -> None:
        self._root = root.rstrip("/")

    def to(self, path: str) -> str:
        """Return a path of the service, given with its leading slash."""
        return f"{self._root}{path}"

    def run(self, run_id: str) -> str:
        """Return the path of a run as JSON."""
        return self.to(f"/v1/runs/{quote(run_id, safe='')}")

    def page(self, run_id: str) -> str:
        """Return the path of a run's page."""
        return self.to(f"/runs/{quote(run_id, safe='')}")

    def artifact(self, run_id: str, name: str) -> str:
        """Return the path of a run's document."""
        return f"{self.run(run_id)}/artifacts/{quote(name, safe='')}"

    def series(self, run_id: str, name: str) -> str:
        """Return the path of a series' samples."""
        return f"{self.run(run_id)}/series/{quote(name, safe='')}"

    def workload(self, name: str) -> str:
        """Return the path of a workload."""
        return self.to(f"/v1/workloads/{quote(name, safe='')}")

    def workload_page(self, name: str) -> str:
        """Return the path of a workload's page."""
        return self.to(f"/workloads/{quote(name, safe='')}")

    def submit_page(self, **filled_in: str) -> str:
        """Return the path of the form for a submission, filled in from a ``run`` or for a ``workload``."""
        return self.to(f"/submit?{urlencode(filled_in)}" if filled_in else "/submit")

    def experiment(self, experiment_id: str) -> str:
        """Return the path of an experiment."""
        return self.to(f"/v1/experiments/{quote(experiment_id, safe='')}")

    def experiment_page(self, experiment_id: str) -> str:
        """Return the path of an experiment's page."""
        return self.to(f"/experiments/{quote(experiment_id, safe='')}")

    def new_experiment_page(self, text: str) -> str:
        """Return the path of the form for a new experiment with this file in it."""
        return self.to(f"/experiments/new?{urlencode({'text': text})}")

    def layouts_page(self, gpu: str, layout: str) -> str:
        """Return the path of the explorer at a layout of a GPU of the service."""
        return self.to(f"/layouts?{urlencode({'gpu': gpu, 'layout': layout}, safe='@()')}")

    def report(self, experiment_id: str) -> str:
        """Return the path of an experiment's report."""
        return f"{self.experiment(experiment_id)}/report"

    def schedule(self, schedule_id: str) -> str:
        """Return the path of a schedule."""
        return self.to(f"/v1/schedules/{quote(schedule_id, safe='')}")

    def schedule_page(self, schedule_id: str) -> str:
        """Return the path of a schedule's page."""
        return self.to(f"/schedules/{quote(schedule_id, safe='')}")

    def history_page(self, history_id: str) -> str:
        """Return the path of a history's page."""
        return self.to(f"/histories/{quote(history_id, safe='')}")

    def regression_page(self, regression_id: str) -> str:
        """Return the path of a regression's page."""
        return self.to(f"/regressions/{quote(regression_id, safe='')}")

    def gpu(self, uuid: str) -> str:
        """Return the path of a GPU."""
        return self.to(f"/v1/gpus/{quote(uuid, safe='')}")

    def layout_change(self, change_id: str) -> str:
        """Return the path of a change of layout."""
        return self.to(f"/v1/layout-changes/{quote(change_id, safe='')}")

    def channel(self, channel_id: str) -> str:
        """Return the path of a channel."""
        return self.to(f"/v1/channels/{quote(channel_id, safe='')}")

    def alert(self, alert_id: str) -> str:
        """Return the path of an alert."""
        return self.to(f"/v1/alerts/{quote(alert_id, safe='')}")

    def history(self, history_id: str) -> str:
        """Return the path of a history."""
        return self.to(f"/v1/histories/{quote(history_id, safe='')}")

    def regression(self, regression_id: str) -> str:
        """Return the path of a regression."""
        return self.to(f"/v1/regressions/{quote(regression_id, safe='')}")

    def key(self, key_id: str) -> str:
        """Return the path of an API key."""
        return self.to(f"/v1/keys/{quote(key_id, safe='')}")
