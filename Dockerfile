# `fusehr serve` on a CPU, as a user without rights. Models are not in the image: what `dvc repro` wrote is
# mounted, see compose.yaml.
FROM python:3.11-slim AS built
# an index with torch's builds without CUDA; where none is named, gigabytes of CUDA come along
ARG TORCH_INDEX=
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/fusehr
WORKDIR /build
COPY requirements.txt pyproject.toml README.md LICENSE ./
COPY src src
# exact versions come from requirements.txt, and of those no more than serving asks for
RUN /opt/fusehr/bin/pip install ${TORCH_INDEX:+--extra-index-url "$TORCH_INDEX"} --constraint requirements.txt ".[serve]"

FROM python:3.11-slim
RUN useradd --system --no-create-home --uid 10001 fusehr
COPY --from=built /opt/fusehr /opt/fusehr
ENV PATH=/opt/fusehr/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 HF_HUB_OFFLINE=1 MPLCONFIGDIR=/tmp
WORKDIR /srv/fusehr
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=120s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["fusehr", "serve", "--host", "0.0.0.0", "--port", "8000"]
CMD ["--model", "triage_fusion"]
