// Prometheus' API, through the server of the page.

/** The data of an answer; `label/.../values` and queries, which may be too long for an address. */
export async function ask(path, params) {
  const isRead = path.startsWith('label/');
  const url = `/prometheus${new URLSearchParams(location.search).get('prometheus')}/api/v1/${path}`;
  const query = new URLSearchParams(params);
  const response = await (isRead ? fetch(`${url}?${query}`) : fetch(url, { method: 'POST', body: query }));
  const { status, data, error, errorType } = await response.json();
  if (status !== 'success') throw new Error(`${errorType}: ${error}`);
  return data;
}
