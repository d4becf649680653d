"""Goal: what stations.py says is what was measured: ratios of medians, the highest peak, and whether a goal was met."""

import unittest

import stations


def run(mib_per_s, peak_mib):
    return {"mib_per_s": mib_per_s, "wall_s": 1.0, "peer_cpu_s": 1.0, "client_cpu_s": 0.1, "peer_peak_mib": peak_mib}


class StationsTest(unittest.TestCase):
    def result(self, *rounds):
        made = [{1: run(alone, 90), 50: run(together, peak)} for alone, together, peak in rounds]
        return stations.sum_up({"machine": dict.fromkeys(("cpu", "cores", "memory_mib", "file_system", "kernel", "load_before", "commit", "date"), "x"),
                                "stations": 50, "mib": 1500, "rounds": made, "delays": [], "lacks": None})

    def test_the_ratio_is_that_of_the_medians(self):
        found = self.result((100, 70, 200), (50, 60, 250), (200, 90, 220))
        self.assertEqual(0.7, found["ratio"])
        self.assertEqual([0.7, 1.2, 0.45], found["ratios"])

    def test_the_peak_is_the_highest(self):
        self.assertEqual(250, self.result((100, 70, 200), (50, 60, 250))["peak_mib"])

    def test_a_goal_is_met_or_missed(self):
        self.assertIn("goal 0.7: met", stations.text(self.result((100, 70, 299))))
        self.assertIn("goal below 300: met", stations.text(self.result((100, 70, 299))))
        self.assertIn("goal 0.7: missed", stations.text(self.result((100, 69, 300))))
        self.assertIn("goal below 300: missed", stations.text(self.result((100, 69, 300))))

    def test_a_delay_is_that_of_the_medians(self):
        beside = {"gc_s": 9.0, "removed": 1_000_000}
        for wall_s, verdict in (10.9, "met"), (11.0, "missed"):
            delays = [{"alone": {"wall_s": alone}, "beside": {"wall_s": wall_s, **beside}} for alone in (9, 10, 30)]
            self.assertIn(f"goal below 10%: {verdict}", stations.text(self.result((100, 70, 1)) | {"delays": delays}))

    def test_the_slowest_hundredth_decides(self):
        answers = {"ids": 1000, "objects": 10**7, "questions": 2000, "p50_ms": 5, "p90_ms": 9, "max_ms": 99, "first_ms": 99, "peer_peak_mib": 100}
        for p99_ms, verdict in (19.9, "met"), (20, "missed"):
            self.assertIn(f"goal below 20: {verdict}", stations.text(self.result((100, 70, 1)) | {"lacks": answers | {"p99_ms": p99_ms}}))


if __name__ == "__main__":
    unittest.main()
