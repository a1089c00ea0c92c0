# Mask Monitor in a container; docs/deploy.md describes its use.
#
#   docker build -t mask-monitor .                      LiteRT on the CPU
#   docker build -t mask-monitor:gpu --target gpu .     TensorFlow with CUDA's libraries
#
# scripts/container-check carries out these lines without a Docker engine; it knows only the instructions used here.

# The base image is named by its digest, so that a build starts from what was tried; security updates since then are
# installed over it.
FROM debian:bookworm-slim@sha256:88200866dfff7ea7f5cbcb6ec7c8a701889efe6fe859fe64d6990e4b07ea4171 AS base
RUN apt-get update \
    && apt-get upgrade -y \
    && apt-get install -y --no-install-recommends python3 \
    && rm -rf /var/lib/apt/lists/*

FROM base AS tools
RUN apt-get update \
    && apt-get install -y --no-install-recommends python3-venv
WORKDIR /opt/mask-monitor
COPY requirements.txt requirements-tensorflow.txt requirements-gpu.txt requirements-headless.txt ./
COPY requirements.lock requirements-tensorflow.lock requirements-gpu.lock requirements-headless.lock ./
COPY scripts/setup.sh scripts/install_packages.py scripts/desktop-packages.txt scripts/
COPY deploy/install.sh deploy/

FROM tools AS cpu-packages
RUN deploy/install.sh requirements.txt && .venv/bin/python -m pip uninstall --yes setuptools pip

FROM tools AS gpu-packages
RUN deploy/install.sh requirements-gpu.txt && .venv/bin/python -m pip uninstall --yes pip

FROM base AS program
WORKDIR /opt/mask-monitor
COPY LICENSE ./
COPY models models
COPY recordings recordings
COPY deploy/monitor deploy/
COPY monitor monitor
RUN python3 -m compileall -q --invalidation-mode unchecked-hash monitor

FROM base AS runtime
RUN groupadd --gid 10001 monitor \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin monitor \
    && install -d -o monitor -g monitor -m 750 /recordings
COPY deploy/config /config
ENV PATH=/opt/mask-monitor/deploy:/opt/mask-monitor/.venv/bin:/usr/local/bin:/usr/bin:/bin HOME=/tmp
WORKDIR /config
VOLUME ["/config", "/recordings"]
EXPOSE 8080
USER 10001:10001
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8080/healthz', timeout=5)"]
ENTRYPOINT ["monitor"]
CMD ["run", "--config", "/config/config.yaml"]

FROM runtime AS gpu
ENV NVIDIA_VISIBLE_DEVICES=all NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=gpu-packages /opt/mask-monitor/.venv /opt/mask-monitor/.venv
COPY --from=program /opt/mask-monitor /opt/mask-monitor
COPY deploy/sbom-gpu.cdx.json /opt/mask-monitor/

FROM runtime AS cpu
COPY --from=cpu-packages /opt/mask-monitor/.venv /opt/mask-monitor/.venv
COPY --from=program /opt/mask-monitor /opt/mask-monitor
COPY deploy/sbom-cpu.cdx.json /opt/mask-monitor/
