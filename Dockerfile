FROM python:3.11-slim
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt
COPY . .
RUN useradd --system --home /data callboard && mkdir -p /data && chown callboard /data
USER callboard
ENV CALLBOARD_DATA=/data HOST=0.0.0.0
EXPOSE 8000
CMD ["python", "-P", "webapp/engine/supervisor.py"]
