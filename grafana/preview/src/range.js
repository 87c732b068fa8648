import { dateMath, dateTime } from '@grafana/data';

/** The range between two expressions such as `now-24h` and `now/d`, in UTC. */
export const rangeOf = ({ from, to }) => ({
  from: dateTime(dateMath.toDateTime(from, { roundUp: false, timezone: 'utc' })),
  to: dateTime(dateMath.toDateTime(to, { roundUp: true, timezone: 'utc' })),
  raw: { from, to },
});
