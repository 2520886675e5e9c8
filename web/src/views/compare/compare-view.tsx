import { usePageTitle } from '../../parts/page-title.js';

export default function CompareView() {
  usePageTitle('Compare methods');
  return <h1>Compare methods</h1>;
}
