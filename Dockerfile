# docker build -t inapp-gateway .
#
# docker run --rm -v gateway:/data inapp-gateway migrate          once, and after each upgrade
# docker run --read-only -v gateway:/data -p 8000:8000 \
#   -e GATEWAY_TOKEN_SECRET -e GATEWAY_ADMIN_KEY inapp-gateway    `gateway serve`
#
# Only /data is written to: the root file system may be read-only, and needs no tmpfs.

ARG PYTHON=3.11

FROM python:${PYTHON}-slim AS build
WORKDIR /source
COPY .ci/constraints.txt constraints.txt
ENV PIP_CONSTRAINT=/source/constraints.txt \
    PIP_BUILD_CONSTRAINT=/source/constraints.txt \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY rules rules
COPY client-js/src client-js/src
RUN python -m pip wheel --no-deps --wheel-dir /wheels . \
    && python -m venv /opt/gateway \
    && /opt/gateway/bin/python -m pip install /wheels/*.whl

FROM python:${PYTHON}-slim
RUN useradd --system --uid 10001 --user-group --no-create-home gateway \
    && install --directory --owner=gateway --group=gateway /data
COPY --from=build /opt/gateway /opt/gateway
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SQLITE_TMPDIR=/data \
    GATEWAY_HOST=0.0.0.0 \
    GATEWAY_DATABASE_URL=sqlite:////data/gateway.db
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["python", "-c", "import os, urllib.request; port = os.environ.get('GATEWAY_PORT') or os.environ.get('PORT') or 8000; urllib.request.urlopen(f'http://127.0.0.1:{port}/healthz', timeout=2)"]
ENTRYPOINT ["gateway"]
CMD ["serve"]
