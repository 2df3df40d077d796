SELECT availability, count(*) AS events, count(*) / sum(count(*)) OVER () AS share
FROM dynamic
GROUP BY availability
ORDER BY availability
