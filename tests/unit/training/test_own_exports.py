"""Which SavedModels `monitor evaluate` may load."""

from monitor.detectors.acceptance import saved_model_sha256
from monitor.training.own_exports import accepted_models, remember

ACCEPTED = "a" * 64


def test_those_of_the_configuration_and_those_that_this_account_has_exported(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config.yaml").write_text(
        f"detector:\n  accepted_sha256: [{ACCEPTED}]\ncameras: {{door: {{source: 0, password: '${{NOT_SET}}'}}}}\n"
    )
    assert accepted_models() == (ACCEPTED,)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "saved_model.pb").write_text(name)
        remember(tmp_path / name)
    made = [saved_model_sha256(tmp_path / name) for name in ("one", "two")]
    assert accepted_models() == (*made, ACCEPTED)
    file = tmp_path / "state" / "mask-monitor" / "exports.sha256"
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700
