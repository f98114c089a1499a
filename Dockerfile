# syntax=docker/dockerfile:1
# One image for every service: `docker run puhui serve ledger`, configured by the environment.
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1 SOURCE_DATE_EPOCH=315532800
WORKDIR /source
RUN python -m venv --without-pip /opt/puhui

# Changes rarely: the locked packages, each checked by its hash. Nothing embedded: servers run beside the image.
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN --mount=type=cache,target=/root/.cache/pip \
    pip --python /opt/puhui/bin/python install --no-compile --no-deps --require-hashes --requirement requirements/runtime.txt \
    && python -m venv /build \
    && /build/bin/pip install --no-compile --no-deps --require-hashes --requirement requirements/build.txt

# What nobody calls in here: other packages' tests and headers, and Arrow's clients for remote stores and services.
RUN cd /opt/puhui/lib/python*/site-packages \
    && find . -mindepth 2 -type d -name tests -prune -exec rm -r {} + \
    && rm -r pyarrow/include pyarrow/src pyarrow/*flight* pyarrow/*s3* pyarrow/*gcs* pyarrow/*azure*

# Changes often: our own code, as a wheel without its tests.
COPY pyproject.toml README.md LICENSE ./
COPY libs libs
COPY partners partners
COPY services services
COPY standalone standalone
# Byte code is checked in by hash, not by time: it stays valid and the same in every build.
RUN /build/bin/python -m hatchling build --target wheel --directory dist \
    && pip --python /opt/puhui/bin/python install --no-compile --no-deps --no-index dist/*.whl \
    && python -m compileall -q -j 0 --invalidation-mode unchecked-hash /opt/puhui/lib

FROM ${PYTHON_IMAGE}
LABEL org.opencontainers.image.title="puhui" \
      org.opencontainers.image.description="Event-sourced microservices for microloan companies" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PATH=/opt/puhui/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PUHUI_HOST=0.0.0.0 PUHUI_PORT=8000
# By number, so that Kubernetes sees that it is not root. The folders are for keys, the audit's logs, and what it anchors.
RUN groupadd --gid 10001 puhui \
    && useradd --uid 10001 --gid puhui --no-create-home --home-dir /var/lib/puhui --shell /usr/sbin/nologin puhui \
    && install --directory --owner puhui --group puhui --mode 0700 /var/lib/puhui /anchors
COPY --link --from=build /opt/puhui /opt/puhui
USER 10001:10001
WORKDIR /var/lib/puhui
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=180s --retries=4 CMD ["python", "-m", "standalone.healthcheck"]
ENTRYPOINT ["puhui"]
CMD ["--help"]
