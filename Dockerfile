# A full version of Python and the Debian release: a digest would be stricter, but no base of one's own could stand in
# for it where no registry can be reached (`make image-test`). --build-arg BASE=... takes a digest or a mirror.
ARG BASE=docker.io/library/python:3.11.14-slim-bookworm

FROM ${BASE} AS build
WORKDIR /build
COPY requirements.txt requirements-dev.txt ./
# The build backend, with what it needs, stays in this stage, and the environment has no pip. The secret is optional: a
# pip.conf for a mirror.
RUN --mount=type=secret,id=pip,target=/etc/pip.conf \
    awk '/^[^ ]/ { kept = /^(hatchling|packaging|pathspec|pluggy|tomlkit|trove-classifiers)==/ } kept' requirements-dev.txt \
        >tools.txt \
    && python3 -m venv tools \
    && tools/bin/pip install --no-cache-dir --require-hashes --requirement tools.txt \
    && python3 -m venv --without-pip /opt/venv \
    && tools/bin/pip --python /opt/venv/bin/python3 install --no-cache-dir --no-compile --require-hashes \
        --requirement requirements.txt
COPY . .
ARG REVISION=unknown
# The hash of a source is not compared at run time, and its time neither: some builders change times.
RUN sed -i "s/^__revision__ = .*/__revision__ = \"${REVISION}\"/" exporter/__init__.py \
    && tools/bin/pip wheel --no-cache-dir --no-deps --no-build-isolation --no-index --wheel-dir dist . \
    && tools/bin/pip --python /opt/venv/bin/python3 install --no-cache-dir --no-compile --no-deps --no-index dist/*.whl \
    && python3 -m compileall -q --invalidation-mode unchecked-hash /opt/venv/lib

FROM ${BASE}
# The official base has no byte code of the standard library, and a read-only root file system never gets any. Its pip,
# which nothing here runs, stays as it is.
RUN ["python3", "-c", "import compileall as c, re, sysconfig; \
    c.compile_dir(sysconfig.get_path('stdlib'), rx=re.compile('/site-packages/'), quiet=2)"]
COPY --from=build /opt/venv /opt/venv
# The demo, too, is for whoever reaches the container.
ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 ANTHROPIC_EXPORTER_WEB_LISTEN_ADDRESS=:9817
# A number, so that Kubernetes can tell that it is not root.
USER 65534:65534
EXPOSE 9817
# It finds the endpoint by itself, whatever the settings are.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s \
    CMD ["/opt/venv/bin/python3", "-I", "-m", "exporter.health"]
ENTRYPOINT ["/opt/venv/bin/anthropic-exporter"]
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="anthropic-exporter" \
      org.opencontainers.image.description="Prometheus exporter for an Anthropic organization's usage, cost and Claude Code activity" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
